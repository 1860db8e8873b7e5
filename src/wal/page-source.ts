import { readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PageIndex } from './page-index.ts';
import { FRAME_HEADER_SIZE, frameOffset, frameSize, framesBefore } from './wal-frame.ts';
import type { WalPosition } from './wal-position.ts';

const FRAMES_PER_TURN = 2048;

/** For each page that has frames after `skip` and before `position`, the number of the newest one. */
export async function newestFrames(
  walFile: number,
  position: WalPosition | undefined,
  skip = 0,
  wanted?: (page: number) => boolean,
): Promise<PageIndex> {
  const newest = new PageIndex();
  if (position === undefined) return newest;
  const last = framesBefore(position.offset, position.pageSize);
  const header = Buffer.alloc(FRAME_HEADER_SIZE);
  for (let frame = skip + 1; frame <= last; frame += 1) {
    readSync(walFile, header, 0, FRAME_HEADER_SIZE, frameOffset(frame, position.pageSize));
    const page = header.readUInt32BE(0);
    if (belongsTo(header, position) && (wanted === undefined || wanted(page))) newest.set(page, frame);
    if (frame % FRAMES_PER_TURN === 0) await nextTurn();
  }
  return newest;
}

/**
 * Reads the page image of a frame into `target`; false if the WAL has restarted over it. Then the page is in the
 * database file, for a WAL restarts only when all of it is there.
 */
export function readFrame(
  walFile: number,
  position: WalPosition,
  page: number,
  frame: number,
  target: Buffer,
): boolean {
  const buffer = Buffer.allocUnsafe(frameSize(position.pageSize));
  const length = readSync(walFile, buffer, 0, buffer.length, frameOffset(frame, position.pageSize));
  if (length !== buffer.length || !belongsTo(buffer, position) || buffer.readUInt32BE(0) !== page) return false;
  buffer.copy(target, 0, FRAME_HEADER_SIZE);
  return true;
}

function belongsTo(frameHeader: Buffer, position: WalPosition): boolean {
  return frameHeader.readUInt32BE(8) === position.salt1 && frameHeader.readUInt32BE(12) === position.salt2;
}

export function readPageOne(databaseFile: number, pageSize: number): Buffer {
  const data = Buffer.alloc(pageSize);
  readSync(databaseFile, data, 0, pageSize, 0);
  return data;
}
