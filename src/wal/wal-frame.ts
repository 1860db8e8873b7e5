import { RunningChecksum, type WordOrder } from './wal-checksum.ts';
import { WAL_HEADER_SIZE } from './wal-header.ts';
import type { WalPosition } from './wal-position.ts';

export const FRAME_HEADER_SIZE = 24;

export function frameSize(pageSize: number): number {
  return FRAME_HEADER_SIZE + pageSize;
}

/** Where frame `number` starts in the `-wal` file; the first frame is 1, as in the wal-index. */
export function frameOffset(number: number, pageSize: number): number {
  return WAL_HEADER_SIZE + (number - 1) * frameSize(pageSize);
}

/** How many frames lie before `offset`. */
export function framesBefore(offset: number, pageSize: number): number {
  return (offset - WAL_HEADER_SIZE) / frameSize(pageSize);
}

/**
 * Called for each frame in order. `commit` is the database's size in pages at the last frame of a transaction, 0 at
 * the others. `data` is only valid during the call.
 */
export type FrameReceiver = (pageNumber: number, commit: number, data: Uint8Array) => void;

/**
 * Hands over the valid frames at the start of `chunk`, which begins at `from.offset`, and stops at the first that is
 * not one: other salts, a broken checksum, page 0, or cut short. Answers the position behind the last valid one.
 */
export function decodeFrames(chunk: Buffer, from: WalPosition, order: WordOrder, receive: FrameReceiver): WalPosition {
  const size = frameSize(from.pageSize);
  const checksum = new RunningChecksum(order, from.checksum1, from.checksum2);
  let { checksum1, checksum2 } = from;
  let offset = 0;
  for (; offset + size <= chunk.length; offset += size) {
    if (chunk.readUInt32BE(offset + 8) !== from.salt1 || chunk.readUInt32BE(offset + 12) !== from.salt2) break;
    const page = chunk.readUInt32BE(offset);
    if (page === 0) break;
    checksum.add(chunk, offset, offset + 8);
    checksum.add(chunk, offset + FRAME_HEADER_SIZE, offset + size);
    if (checksum.first !== chunk.readUInt32BE(offset + 16) || checksum.second !== chunk.readUInt32BE(offset + 20))
      break;
    checksum1 = checksum.first;
    checksum2 = checksum.second;
    receive(page, chunk.readUInt32BE(offset + 4), chunk.subarray(offset + FRAME_HEADER_SIZE, offset + size));
  }
  return { ...from, offset: from.offset + offset, checksum1, checksum2 };
}
