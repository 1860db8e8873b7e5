import { RunningChecksum, type WordOrder } from '../../../src/wal/wal-checksum.ts';

/** One frame to be written: `commit` is the database size at the end of a transaction, else 0. */
export interface FrameSpec {
  readonly page: number;
  readonly commit: number;
  readonly fill: number;
}

export interface Generation {
  readonly salt1: number;
  readonly salt2: number;
  readonly frames: readonly FrameSpec[];
}

/** Writes WALs as SQLite would, from the format's description; a later generation overwrites the file from its start. */
export function buildWal(pageSize: number, order: WordOrder, generations: readonly Generation[]): Buffer {
  let file: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  for (const generation of generations) {
    const written = buildGeneration(pageSize, order, generation);
    file = Buffer.concat([written, file.subarray(written.length)]);
  }
  return file;
}

function buildGeneration(pageSize: number, order: WordOrder, generation: Generation): Buffer {
  const checksum = new RunningChecksum(order);
  const header = Buffer.alloc(32);
  header.writeUInt32BE(order === 'big' ? 0x377f0683 : 0x377f0682, 0);
  header.writeUInt32BE(3007000, 4);
  header.writeUInt32BE(pageSize, 8);
  header.writeUInt32BE(generation.salt1, 16);
  header.writeUInt32BE(generation.salt2, 20);
  checksum.add(header, 0, 24);
  header.writeUInt32BE(checksum.first, 24);
  header.writeUInt32BE(checksum.second, 28);
  const frames = generation.frames.map(({ page, commit, fill }) => {
    const frame = Buffer.alloc(24 + pageSize, fill);
    frame.writeUInt32BE(page, 0);
    frame.writeUInt32BE(commit, 4);
    checksum.add(frame, 0, 8);
    frame.writeUInt32BE(generation.salt1, 8);
    frame.writeUInt32BE(generation.salt2, 12);
    checksum.add(frame, 24, frame.length);
    frame.writeUInt32BE(checksum.first, 16);
    frame.writeUInt32BE(checksum.second, 20);
    return frame;
  });
  return Buffer.concat([header, ...frames]);
}
