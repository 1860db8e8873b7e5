import { open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isStationError } from '../../errors.ts';
import { parseFileName } from '../../ltx/file-name.ts';
import { decodeHeader, HEADER_SIZE } from '../../ltx/header.ts';
import { type Bytes, bytes, type Milliseconds, type Txid } from '../../quantities.ts';

const PARALLEL_READS = 32;

/** One LTX file in the staging folder. */
export interface StagedFile {
  readonly level: 0 | 9;
  readonly path: string;
  readonly minTxid: Txid;
  readonly maxTxid: Txid;
  readonly size: Bytes;
  readonly timestamp: Milliseconds;
  /** 16 hex digits. */
  readonly fileChecksum: string;
}

/** Reads what is staged at one level, in TXID order. What is no LTX file (a disk may lie) is left out. */
export async function listStagedFiles(folder: string, level: 0 | 9): Promise<readonly StagedFile[]> {
  const names = (await readdir(folder)).sort();
  const files: StagedFile[] = [];
  for (let first = 0; first < names.length; first += PARALLEL_READS) {
    const batch = names.slice(first, first + PARALLEL_READS).map((name) => readStagedFile(folder, level, name));
    files.push(...(await Promise.all(batch)).filter((file) => file !== undefined));
  }
  return files;
}

async function readStagedFile(folder: string, level: 0 | 9, name: string): Promise<StagedFile | undefined> {
  const range = parseFileName(name);
  if (range === undefined) return undefined;
  const path = join(folder, name);
  const ends = await readEnds(path);
  return ends === undefined ? undefined : { level, path, ...range, ...ends };
}

/** Where the files above `position` begin in a list in TXID order; its length if there are none. */
export function firstAbove(files: readonly StagedFile[], position: Txid): number {
  let low = 0;
  let high = files.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((files[middle]?.minTxid ?? 0) > position) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Reads header time, size and file checksum of an LTX file without reading its pages. */
async function readEnds(path: string): Promise<Pick<StagedFile, 'size' | 'timestamp' | 'fileChecksum'> | undefined> {
  const size = (await stat(path)).size;
  if (size < HEADER_SIZE + 16) return undefined;
  const file = await open(path, 'r');
  try {
    const header = Buffer.alloc(HEADER_SIZE);
    const trailer = Buffer.alloc(8);
    await file.read(header, 0, HEADER_SIZE, 0);
    await file.read(trailer, 0, 8, size - 8);
    return { size: bytes(size), timestamp: decodeHeader(header).timestamp, fileChecksum: trailer.toString('hex') };
  } catch (error) {
    if (isStationError(error, 'LTX_INVALID', 'LTX_TRUNCATED')) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

/** Deletes staged files; one that is already gone is gone. */
export async function removeStagedFiles(files: readonly StagedFile[]): Promise<void> {
  for (const file of files) {
    await unlink(file.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}
