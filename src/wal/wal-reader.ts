import { readSync } from 'node:fs';
import { StationError } from '../errors.ts';
import type { WordOrder } from './wal-checksum.ts';
import { decodeFrames, FRAME_HEADER_SIZE, type FrameReceiver, frameOffset, frameSize } from './wal-frame.ts';
import { decodeWalHeader, WAL_HEADER_SIZE } from './wal-header.ts';
import type { WalIndex } from './wal-index.ts';
import type { WalPosition } from './wal-position.ts';

const CHUNK_SIZE = 1024 * 1024;

/** The end of the committed frames, as the wal-index tells it; undefined while this WAL holds none. */
export function endOfWal(index: WalIndex): WalPosition | undefined {
  if (index.frames === 0) return undefined;
  const { pageSize, salt1, salt2, checksum1, checksum2 } = index;
  return { pageSize, salt1, salt2, checksum1, checksum2, offset: frameOffset(index.frames + 1, pageSize) };
}

/** The position before the first frame of the WAL that the header describes; undefined where there is no header. */
export function startOfWal(file: number): WalPosition | undefined {
  const buffer = Buffer.alloc(WAL_HEADER_SIZE);
  const header = decodeWalHeader(buffer.subarray(0, readSync(file, buffer, 0, WAL_HEADER_SIZE, 0)));
  if (header === undefined) return undefined;
  const { pageSize, salt1, salt2, checksum1, checksum2 } = header;
  return { pageSize, salt1, salt2, checksum1, checksum2, offset: WAL_HEADER_SIZE };
}

export function sameWal(one: WalPosition | WalIndex, other: WalPosition | WalIndex): boolean {
  return one.salt1 === other.salt1 && one.salt2 === other.salt2;
}

/** True if the WAL still holds what was read up to `position`: the same salts, and the frame before it unchanged. */
export function isProven(position: WalPosition, file: number, index: WalIndex): boolean {
  const start = startOfWal(file);
  const end = endOfWal(index);
  if (start === undefined || !sameWal(start, position) || start.pageSize !== position.pageSize) return false;
  if (position.offset === WAL_HEADER_SIZE) {
    return start.checksum1 === position.checksum1 && start.checksum2 === position.checksum2;
  }
  if (end === undefined || !sameWal(end, position) || position.offset > end.offset) return false;
  if ((position.offset - WAL_HEADER_SIZE) % frameSize(position.pageSize) !== 0) return false;
  const header = Buffer.alloc(FRAME_HEADER_SIZE);
  readSync(file, header, 0, FRAME_HEADER_SIZE, position.offset - frameSize(position.pageSize));
  return (
    header.readUInt32BE(8) === position.salt1 &&
    header.readUInt32BE(12) === position.salt2 &&
    header.readUInt32BE(16) === position.checksum1 &&
    header.readUInt32BE(20) === position.checksum2
  );
}

/**
 * Hands over every frame between two positions of one WAL, a chunk of 1 MiB per step, so that the caller can let the
 * event loop turn between them. `to` must be committed, or the frames might still be rewritten.
 * Throws CAPTURE_FAILED if they do not form an unbroken chain from the one checksum to the other.
 */
export function* readFrames(
  file: number,
  from: WalPosition,
  to: WalPosition,
  order: WordOrder,
  receive: FrameReceiver,
): Generator<void> {
  const size = frameSize(from.pageSize);
  const wanted = Math.min(to.offset - from.offset, Math.max(1, Math.floor(CHUNK_SIZE / size)) * size);
  const buffer = chunkBuffer(wanted);
  let position = from;
  while (position.offset < to.offset) {
    const length = Math.min(wanted, to.offset - position.offset);
    const got = readSync(file, buffer, 0, length, position.offset);
    const next = decodeFrames(buffer.subarray(0, got), position, order, receive);
    if (next.offset !== position.offset + length) throw broken(next.offset);
    position = next;
    if (position.offset < to.offset) yield;
  }
  if (position.offset !== to.offset || position.checksum1 !== to.checksum1 || position.checksum2 !== to.checksum2) {
    throw broken(to.offset);
  }
}

const idleBuffer: Buffer | undefined = Buffer.allocUnsafeSlow(64 * 1024);

/** Short reads, the rule, share one buffer; long ones get their own for as long as they run. */
function chunkBuffer(size: number): Buffer {
  if (idleBuffer !== undefined && size <= idleBuffer.length) return idleBuffer;
  return Buffer.allocUnsafeSlow(size);
}

function broken(offset: number): StationError {
  return new StationError('CAPTURE_FAILED', `the WAL is broken at byte ${offset}: a committed frame does not verify`);
}
