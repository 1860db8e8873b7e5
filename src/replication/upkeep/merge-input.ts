import { open } from 'node:fs/promises';
import { StationError } from '../../errors.ts';
import { decodeHeader, HEADER_SIZE } from '../../ltx/header.ts';
import type { Milliseconds } from '../../quantities.ts';
import { fetchRange } from '../../restore/fetch-range.ts';
import { ltxKey } from '../../storage/key-layout.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { HeldFile } from '../levels/held-files.ts';

/** Where one file that is merged comes from. */
export interface MergeSource {
  readonly file: HeldFile;
  /** Its copy on this disk, where there is one. */
  readonly path: string | undefined;
}

/** Bytes of all inputs in memory at a time, before they are decoded; of each one at least a little. */
const ALL_PIECES = 8 * 1024 * 1024;
const LEAST_PIECE = 16 * 1024;
const MOST_PIECE = 1024 * 1024;

/** What of an input is read at a time, where so many are open at once. */
export function pieceSizeFor(inputs: number): number {
  return Math.min(MOST_PIECE, Math.max(LEAST_PIECE, Math.floor(ALL_PIECES / inputs)));
}

/**
 * The bytes of one input: from this disk, else by ranged reads, each taken up where it broke off.
 * @param seen is told the time in its header
 * @throws StationError LTX_INVALID where it is not what its name says; what the store throws
 */
export async function* readInput(
  { file, path }: MergeSource,
  store: ObjectStore,
  pieceSize: number,
  seen: (time: Milliseconds) => void,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const piece of readPieces(file, path, store, pieceSize, signal)) {
    if (isFirst) seen(timeOf(file, piece, store));
    isFirst = false;
    yield piece;
  }
}

function timeOf(file: HeldFile, start: Uint8Array, store: ObjectStore): Milliseconds {
  const header = decodeHeader(start.subarray(0, HEADER_SIZE));
  if (header.minTxid !== file.minTxid || header.maxTxid !== file.maxTxid) {
    const key = ltxKey(store.layout, file.level, file.minTxid, file.maxTxid);
    throw new StationError(
      'LTX_INVALID',
      `${store.url}/${key} holds TXIDs ${header.minTxid} to ${header.maxTxid}, not those of its name`,
    );
  }
  return header.timestamp;
}

async function* readPieces(
  file: HeldFile,
  path: string | undefined,
  store: ObjectStore,
  pieceSize: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const local = path === undefined ? undefined : await openIfThere(path);
  if (local !== undefined) {
    try {
      for (let start = 0; ; ) {
        signal.throwIfAborted();
        const { bytesRead, buffer } = await local.read(Buffer.allocUnsafeSlow(pieceSize), 0, pieceSize, start);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
        start += bytesRead;
      }
    } finally {
      await local.close();
    }
  }
  const key = ltxKey(store.layout, file.level, file.minTxid, file.maxTxid);
  for (let start = 0; start < file.size; start += pieceSize) {
    const end = Math.min(start + pieceSize, file.size);
    yield await fetchRange(store, key, { start, end }, signal);
  }
}

/** It may have left the staging folder since it was looked for. */
async function openIfThere(path: string) {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
