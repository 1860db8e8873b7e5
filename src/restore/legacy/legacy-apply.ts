import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isStationError, type StationError } from '../../errors.ts';
import { faultPoint } from '../../fault-points.ts';
import { type Bytes, bytes } from '../../quantities.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type FilePiece, fetchFiles } from '../segments.ts';
import { readSqliteHeader, SQLITE_HEADER_SIZE } from '../sqlite-header.ts';
import { writeError } from '../write-error.ts';
import { AHEAD_OF_WAL, legacyDamage } from './damage.ts';
import type { LegacySegment, LegacySnapshot } from './generations.ts';
import { formatIndex } from './legacy-key.ts';
import type { LegacyPlan } from './legacy-plan.ts';
import { openObject } from './open-object.ts';
import { changesSince, counterOf } from './page-one.ts';
import { walOrder } from './wal-order.ts';
import { WalReplay } from './wal-replay.ts';

export interface LegacyApplyJob {
  readonly store: ObjectStore;
  readonly plan: LegacyPlan;
  /** Path of the database file to make; it must not exist. */
  readonly databaseFile: string;
  readonly parallelism: number;
  readonly progress: (done: Bytes, total: Bytes) => void;
  readonly signal: AbortSignal;
}

export type LegacyApplied =
  | {
      readonly kind: 'applied';
      readonly pageSize: number;
      /** Size of the database, in pages. */
      readonly commit: number;
      readonly bytesDownloaded: Bytes;
    }
  /** This object is not what its name promises; what was written so far is of no use. */
  | { readonly kind: 'damaged'; readonly key: string; readonly error: StationError };

type LegacyFile = LegacySnapshot | LegacySegment;

/**
 * Writes a generation's snapshot into a new database file, and replays the WAL over it, WAL file by WAL file, each only
 * up to its last commit. Whatever is not as 0.3 wrote it ends this: a WAL with a hole in it gives no sound database.
 *
 * Memory: 16 MiB of downloads, 8 MiB to decompress, and what `WalReplay` takes.
 * @throws StationError DATA_FOLDER or RESTORE_WRITE where the disk refuses, and what the store throws
 */
export async function applyLegacyPlan(job: LegacyApplyJob): Promise<LegacyApplied> {
  const database = await create(job.databaseFile);
  const work = new LegacyApply(job, database);
  try {
    return await work.run();
  } catch (error) {
    if (isStationError(error, 'LEGACY_DAMAGED')) return { kind: 'damaged', key: work.file.key, error };
    if (isStationError(error, 'STAGING_FAILED')) throw writeError('the database could not be written', error.cause);
    throw error;
  } finally {
    work.close();
    await database.close();
  }
}

class LegacyApply {
  /** The one that is being read. */
  file: LegacyFile;
  readonly #job: LegacyApplyJob;
  readonly #database: FileHandle;
  #replay: WalReplay | undefined;
  /** The WAL file that was replayed last. */
  #before: { readonly salt: number; readonly first: LegacySegment } | undefined;
  /** The change counter of the snapshot, and that of the newest first page in the WAL. */
  #counter = 0;
  #newestCounter: number | undefined;
  #done = 0;

  constructor(job: LegacyApplyJob, database: FileHandle) {
    this.#job = job;
    this.#database = database;
    this.file = job.plan.snapshot;
  }

  async run(): Promise<LegacyApplied> {
    const { store, plan, parallelism, signal } = this.#job;
    const pieces = fetchFiles<LegacyFile>(store, plan.files, parallelism, signal);
    try {
      const snapshot = await this.#writeSnapshot(this.#contentOf(plan.snapshot, pieces));
      const { pageSize } = snapshot;
      let { commit } = snapshot;
      for (const [index, segments] of Map.groupBy(plan.segments, (segment) => segment.index)) {
        const isLast = index === plan.segments.at(-1)?.index;
        commit = (await this.#replayWal(pageSize, segments, isLast, pieces)) ?? commit;
      }
      if (this.#newestCounter !== undefined && changesSince(this.#newestCounter, this.#counter) < 0) {
        this.file = plan.snapshot;
        throw this.#damage(AHEAD_OF_WAL);
      }
      return { kind: 'applied', pageSize, commit, bytesDownloaded: bytes(this.#done) };
    } finally {
      await pieces.return(undefined);
    }
  }

  close(): void {
    this.#replay?.close();
  }

  async *#contentOf(file: LegacyFile, pieces: AsyncGenerator<FilePiece<LegacyFile>>): AsyncGenerator<Uint8Array> {
    this.file = file;
    for await (const content of openObject(this.#job.store, file.key, this.#storedOf(pieces))) {
      this.#job.signal.throwIfAborted();
      yield content;
    }
    faultPoint('during-restore');
  }

  /** As stored; `pieces` goes on with the next file. */
  async *#storedOf(pieces: AsyncGenerator<FilePiece<LegacyFile>>): AsyncGenerator<Uint8Array> {
    for (;;) {
      const next = await pieces.next();
      if (next.done === true) return;
      const piece = next.value;
      if (piece.kind === 'damaged') throw piece.error;
      this.#done += piece.content.byteLength;
      this.#job.progress(bytes(this.#done), this.#job.plan.bytes);
      yield piece.content;
      if (piece.last) return;
    }
  }

  async #writeSnapshot(content: AsyncIterable<Uint8Array>) {
    let start = Buffer.alloc(0);
    let size = 0;
    for await (const chunk of content) {
      if (start.byteLength < SQLITE_HEADER_SIZE) start = Buffer.concat([start, chunk.subarray(0, SQLITE_HEADER_SIZE)]);
      await writeAll(this.#database, chunk, size);
      size += chunk.byteLength;
    }
    const pageSize = readSqliteHeader(start)?.pageSize;
    if (pageSize === undefined) throw this.#damage('holds no SQLite database');
    if (size % pageSize !== 0) throw this.#damage(`holds ${size} bytes, no whole number of pages of ${pageSize} bytes`);
    this.#counter = counterOf(start);
    return { pageSize, commit: size / pageSize };
  }

  /** @returns the size of the database in pages after it; undefined where this WAL holds no commit */
  async #replayWal(
    pageSize: number,
    segments: readonly LegacySegment[],
    isLast: boolean,
    pieces: AsyncGenerator<FilePiece<LegacyFile>>,
  ): Promise<number | undefined> {
    const replay = new WalReplay(this.#database.fd, pageSize, dirname(this.#job.databaseFile));
    this.#replay = replay;
    let length = 0;
    for (const segment of segments) {
      const content = this.#contentOf(segment, pieces);
      if (segment.offset !== length) throw this.#gap(segment, length);
      // The file 0.3.0 to 0.3.4 was still writing to may end anywhere, as a live WAL may.
      const isLive = isLast && segment.form === 'whole-raw';
      for await (const chunk of content) {
        length += chunk.byteLength;
        if (!replay.push(chunk) && !isLive) throw this.#invalid(segment, replay.validBytes);
      }
      if (length !== replay.validBytes && length > 0 && !isLive) throw this.#invalid(segment, replay.validBytes);
    }
    replay.finish();
    this.#expectNext(segments, replay);
    this.#expectAge(replay);
    return replay.commit;
  }

  /** Each WAL file follows the one before: what was committed between would be missing. */
  #expectNext([first]: readonly LegacySegment[], { salt }: WalReplay): void {
    if (first === undefined || salt === undefined) return;
    const before = this.#before;
    this.#before = { salt, first };
    const order = walOrder(before?.salt, salt);
    if (order === 'missing') {
      this.file = first;
      throw this.#damage('does not follow the WAL file before it: what was committed between the two is missing');
    }
    if (order === 'earlier' && before !== undefined) {
      this.file = before.first;
      throw this.#damage(`is of a WAL file that was written after ${first.key}`);
    }
  }

  /** A snapshot holds all of the WAL files before its own. */
  #expectAge({ pageOne: { first, last } }: WalReplay): void {
    if (first === undefined) return;
    if (this.#newestCounter === undefined && changesSince(first, this.#counter) > 1) {
      this.file = this.#job.plan.snapshot;
      throw this.#damage('is older than the WAL that is replayed over it');
    }
    this.#newestCounter = last;
  }

  #gap(segment: LegacySegment, length: number): StationError {
    this.file = segment;
    return this.#damage(
      `begins at byte ${segment.offset} of WAL ${formatIndex(segment.index)}, which is known up to byte ${length}: ` +
        'a segment between is missing',
    );
  }

  #invalid(segment: LegacySegment, validBytes: number): StationError {
    const index = formatIndex(segment.index);
    return this.#damage(`WAL ${index} is broken at byte ${validBytes}: what follows is no frame of it`);
  }

  #damage(what: string): StationError {
    return legacyDamage(`${this.#job.store.url}/${this.file.key}`, what);
  }
}

async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx+', 0o644);
  } catch (cause) {
    throw writeError(`${path} could not be made`, cause);
  }
}

async function writeAll(file: FileHandle, data: Uint8Array, position: number): Promise<void> {
  try {
    for (let written = 0; written < data.byteLength; ) {
      written += (await file.write(data, written, data.byteLength - written, position + written)).bytesWritten;
    }
  } catch (cause) {
    throw writeError('the database could not be written', cause);
  }
}
