import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolderOf } from '../../durable-file.ts';
import { StationError } from '../../errors.ts';
import { faultPoint } from '../../fault-points.ts';
import { LtxEncoder } from '../../ltx/encoder.ts';
import { formatFileName } from '../../ltx/file-name.ts';
import type { LtxHeader } from '../../ltx/header.ts';
import type { Page } from '../../page.ts';
import { bytes } from '../../quantities.ts';
import { noteGarbage, TightHeap } from '../../tight-heap.ts';
import type { StagedFile } from './staged-files.ts';

const BUFFER_SIZE = 1 << 20;
/** From here on a file is taken for one of the whole database, of which the garbage would add tens of megabytes. */
const LARGE = 16 << 20;

/**
 * Writes one LTX file into a staging level: temporary name, fsync, rename, fsync of the folder. Streams: memory does
 * not depend on the number of pages.
 * @param seen is shown every batch of pages on its way, for their checksums
 * @throws StationError STAGING_FAILED where the disk refuses; nothing half-written stays
 */
export async function writeLtxFile(
  folder: string,
  level: 0 | 9,
  header: LtxHeader,
  pages: AsyncIterable<readonly Page[]>,
  seen: (batch: readonly Page[]) => void | Promise<void>,
): Promise<StagedFile> {
  const path = join(folder, formatFileName(header.minTxid, header.maxTxid));
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, 'w');
    let encoder: LtxEncoder;
    try {
      encoder = await encodeInto(file, header, pages, seen);
      await file.sync();
    } finally {
      await file.close();
    }
    faultPoint('after-temporary-file');
    await rename(temporary, path);
    await syncFolderOf(path);
    faultPoint('after-rename');
    return {
      level,
      path,
      minTxid: header.minTxid,
      maxTxid: header.maxTxid,
      size: bytes(encoder.size),
      timestamp: header.timestamp,
      fileChecksum: encoder.fileChecksum.toString(16).padStart(16, '0'),
    };
  } catch (cause) {
    await unlink(temporary).catch(() => undefined);
    if (cause instanceof StationError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StationError('STAGING_FAILED', `cannot write ${path}: ${reason}`, { cause });
  }
}

async function encodeInto(
  file: FileHandle,
  header: LtxHeader,
  pages: AsyncIterable<readonly Page[]>,
  seen: (batch: readonly Page[]) => void | Promise<void>,
): Promise<LtxEncoder> {
  const heap = new TightHeap();
  try {
    return await encodePages(file, new LtxEncoder(header), pages, seen, () => heap.hold('pages'));
  } finally {
    heap.release();
  }
}

async function encodePages(
  file: FileHandle,
  encoder: LtxEncoder,
  pages: AsyncIterable<readonly Page[]>,
  seen: (batch: readonly Page[]) => void | Promise<void>,
  isLarge: () => void,
): Promise<LtxEncoder> {
  let parts: Uint8Array[] = [encoder.start()];
  let size = 0;
  for await (const batch of pages) {
    for (const page of batch) {
      const part = encoder.page(page.number, page.data);
      parts.push(part);
      size += part.byteLength;
    }
    await seen(batch);
    if (size < BUFFER_SIZE) continue;
    if (encoder.size > LARGE) isLarge();
    await writeAll(file, parts);
    noteGarbage(size);
    parts = [];
    size = 0;
  }
  await writeAll(file, parts);
  for (const part of encoder.finishInPieces()) await writeAll(file, [part]);
  return encoder;
}

async function writeAll(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  const whole = Buffer.concat(parts);
  let written = 0;
  while (written < whole.byteLength) written += (await file.write(whole, written)).bytesWritten;
}
