import { open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseFileName } from '../ltx/file-name.ts';
import { decodeHeader, HEADER_SIZE } from '../ltx/header.ts';
import { type Bytes, bytes, type Milliseconds, type Txid } from '../quantities.ts';

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

/** Reads what is staged at one level, in TXID order. A file cut short (power loss without fsync) is left out. */
export async function listStagedFiles(folder: string, level: 0 | 9): Promise<readonly StagedFile[]> {
  const files: StagedFile[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const parsed = parseFileName(name);
    if (parsed === undefined) continue;
    const path = join(folder, name);
    const ends = await readEnds(path);
    if (ends !== undefined) files.push({ level, path, ...parsed, ...ends });
  }
  return files;
}

/** Reads header time, size and file checksum of an LTX file without reading its pages. */
export async function readEnds(
  path: string,
): Promise<Pick<StagedFile, 'size' | 'timestamp' | 'fileChecksum'> | undefined> {
  const size = (await stat(path)).size;
  if (size < HEADER_SIZE + 16) return undefined;
  const file = await open(path, 'r');
  try {
    const header = Buffer.alloc(HEADER_SIZE);
    const trailer = Buffer.alloc(8);
    await file.read(header, 0, HEADER_SIZE, 0);
    await file.read(trailer, 0, 8, size - 8);
    return { size: bytes(size), timestamp: decodeHeader(header).timestamp, fileChecksum: trailer.toString('hex') };
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
