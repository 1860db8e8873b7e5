import { readSync } from 'node:fs';
import { endianness } from 'node:os';
import { RunningChecksum, type WordOrder } from './wal-checksum.ts';

/**
 * What the wal-index (`-shm`) says: the one place that tells which frames are committed.
 *
 * A commit frame in the `-wal` file is not enough. A writer killed between writing it and publishing it here leaves a
 * frame that looks committed and that the next writer overwrites, with the same salts, as long as any connection (one
 * of ours, for one) keeps the wal-index from being rebuilt. Whoever had read that frame could never go on from it.
 */
export interface WalIndex {
  readonly order: WordOrder;
  /** 0 while no frame was ever written. */
  readonly pageSize: number;
  readonly salt1: number;
  readonly salt2: number;
  /** Committed frames in the WAL; the last of them is a commit frame. */
  readonly frames: number;
  /** Database size in pages as of that frame. */
  readonly commit: number;
  /** Running checksum at that frame. */
  readonly checksum1: number;
  readonly checksum2: number;
  /** Frames already copied into the database file. */
  readonly backfilled: number;
}

const HEADER_COPY_SIZE = 48;
const WAL_INDEX_SIZE = 100;
const hostIsLittle = endianness() === 'LE';

/**
 * Decodes the two header copies (host byte order, but the salts as in the WAL) and the backfill counter.
 * Undefined while a writer is changing them: the copies differ then, and asking again helps.
 */
export function decodeWalIndex(data: Buffer): WalIndex | undefined {
  if (data.length < WAL_INDEX_SIZE) return undefined;
  if (data.compare(data, HEADER_COPY_SIZE, 2 * HEADER_COPY_SIZE, 0, HEADER_COPY_SIZE) !== 0) return undefined;
  const u32 = (offset: number): number => (hostIsLittle ? data.readUInt32LE(offset) : data.readUInt32BE(offset));
  const u16 = (offset: number): number => (hostIsLittle ? data.readUInt16LE(offset) : data.readUInt16BE(offset));
  if (data.readUInt8(12) === 0) return undefined;
  const checksum = new RunningChecksum(hostIsLittle ? 'little' : 'big');
  checksum.add(data, 0, 40);
  if (checksum.first !== u32(40) || checksum.second !== u32(44)) return undefined;
  const pageSize = u16(14);
  return {
    order: data.readUInt8(13) === 0 ? 'little' : 'big',
    pageSize: pageSize === 1 ? 65536 : pageSize,
    salt1: data.readUInt32BE(32),
    salt2: data.readUInt32BE(36),
    frames: u32(16),
    commit: u32(20),
    checksum1: u32(24),
    checksum2: u32(28),
    backfilled: u32(96),
  };
}

const scratch = Buffer.alloc(WAL_INDEX_SIZE);

/** One read of about a microsecond; a few more where a writer is at it. Undefined if it stays unreadable. */
export function readWalIndex(file: number): WalIndex | undefined {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const length = readSync(file, scratch, 0, WAL_INDEX_SIZE, 0);
    const index = decodeWalIndex(scratch.subarray(0, length));
    if (index !== undefined) return index;
  }
  return undefined;
}
