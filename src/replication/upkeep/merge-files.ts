import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isStationError, StationError } from '../../errors.ts';
import { faultPoint } from '../../fault-points.ts';
import { decodeLtx } from '../../ltx/decoder.ts';
import { mergeLtx } from '../../ltx/merge.ts';
import { bytes, type Milliseconds } from '../../quantities.ts';
import { isDamage } from '../../restore/position.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { HeldFile } from '../levels/held-files.ts';
import type { Merge } from '../levels/merge-plan.ts';
import type { FileToUpload } from '../replica/upload.ts';
import { leaveRoom } from '../staging/room-left.ts';
import { type MergeSource, pieceSizeFor, readInput } from './merge-input.ts';

/** Merging gives way to the capture after each of these: a few milliseconds. */
const CHUNK_SIZE = 64 * 1024;
/** So many bytes are written from one look at the disk's room to the next. */
const LOOK_SIZE = 1 << 20;

export interface MergeJob {
  readonly merge: Merge;
  readonly store: ObjectStore;
  /** The copy of a file on this disk, if there is one. */
  readonly localCopy: (file: HeldFile) => string | undefined;
  /** Where the merged file is written; its folder is made. */
  readonly path: string;
  readonly signal: AbortSignal;
}

export type MergeOutcome =
  | {
      readonly kind: 'merged';
      readonly file: FileToUpload;
      /** The time in the header of each input. */
      readonly times: ReadonlyMap<HeldFile, Milliseconds>;
    }
  /** This one cannot be read as the replica has it. */
  | { readonly kind: 'damaged'; readonly file: HeldFile; readonly error: StationError };

/**
 * Merges files into one on this disk, streaming: memory depends neither on their sizes nor on that of the database. A copy
 * that this disk has damaged is left for the replica's own.
 * @throws StationError STAGING_FAILED where the disk refuses; what the store throws; the signal's reason on abort
 */
export async function mergeFiles(job: MergeJob): Promise<MergeOutcome> {
  const local = job.merge.inputs.map((file) => ({ file, path: job.localCopy(file) }));
  const first = await tryToMerge(job, local);
  if (!isStationError(first)) return first;
  const remote = job.merge.inputs.map((file) => ({ file, path: undefined }));
  const second = await tryToMerge(job, remote);
  if (!isStationError(second)) return second;
  for (const source of remote) {
    const error = await damageOf(job, source);
    if (error !== undefined) return { kind: 'damaged', file: source.file, error };
  }
  throw second;
}

/** An error about the inputs is an answer. */
async function tryToMerge(job: MergeJob, sources: readonly MergeSource[]): Promise<MergeOutcome | StationError> {
  const { merge, store, path, signal } = job;
  const times = new Map<HeldFile, Milliseconds>();
  const pieceSize = pieceSizeFor(sources.length);
  const inputs = sources.map((source) =>
    readInput(source, store, pieceSize, (time) => times.set(source.file, time), signal),
  );
  const [first, last] = [merge.inputs[0], merge.inputs.at(-1) ?? merge.inputs[0]];
  try {
    const { size, fileChecksum } = await writeTo(path, mergeLtx(inputs, { chunkSize: CHUNK_SIZE }));
    faultPoint('after-merge');
    const file: FileToUpload = {
      level: merge.level,
      path,
      minTxid: first.minTxid,
      maxTxid: last.maxTxid,
      size: bytes(size),
      timestamp: times.get(last) ?? last.time,
      fileChecksum,
    };
    return { kind: 'merged', file, times };
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    if (isDamage(error)) return error;
    throw error;
  }
}

/** Without fsync: it is made anew after a crash, and its upload reads what was written. */
async function writeTo(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly size: number; readonly fileChecksum: string }> {
  let file: FileHandle | undefined;
  try {
    await mkdir(dirname(path), { recursive: true });
    file = await open(path, 'w');
    let [size, lookAt] = [0, 0];
    let tail = Buffer.alloc(0);
    for await (const chunk of chunks) {
      if (size >= lookAt) {
        await leaveRoom(dirname(path));
        lookAt = size + LOOK_SIZE;
      }
      for (let written = 0; written < chunk.byteLength; ) {
        written += (await file.write(chunk, written, chunk.byteLength - written)).bytesWritten;
      }
      size += chunk.byteLength;
      tail = Buffer.concat([tail, chunk.subarray(-8)]).subarray(-8);
    }
    return { size, fileChecksum: tail.toString('hex') };
  } catch (cause) {
    if (cause instanceof StationError || !(cause instanceof Error && 'code' in cause)) throw cause;
    throw new StationError('STAGING_FAILED', `cannot write ${path}: ${cause.message}`, { cause });
  } finally {
    await file?.close();
  }
}

/** Reads one input to its end; what is wrong with it, if anything is. */
async function damageOf({ store, signal }: MergeJob, source: MergeSource): Promise<StationError | undefined> {
  try {
    for await (const _ of decodeLtx(readInput(source, store, pieceSizeFor(1), () => undefined, signal)));
    return undefined;
  } catch (error) {
    if (isDamage(error)) return error;
    throw error;
  }
}
