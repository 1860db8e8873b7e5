import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WordOrder } from '../../src/wal/wal-checksum.ts';
import { decodeFrames, frameOffset, frameSize, framesBefore } from '../../src/wal/wal-frame.ts';
import { decodeWalHeader } from '../../src/wal/wal-header.ts';
import { decodeWalIndex, readWalIndex } from '../../src/wal/wal-index.ts';
import type { WalPosition } from '../../src/wal/wal-position.ts';
import { endOfWal } from '../../src/wal/wal-reader.ts';
import { buildWal, type FrameSpec, type Generation } from './support/wal-builder.ts';

/** Every frame that is valid from the start of the file, and the position behind the last. */
function scan(file: Buffer): { frames: FrameSpec[]; end: WalPosition | undefined } {
  const header = decodeWalHeader(file);
  if (header === undefined) return { frames: [], end: undefined };
  const { pageSize, salt1, salt2, checksum1, checksum2, order } = header;
  const frames: FrameSpec[] = [];
  const start = { pageSize, salt1, salt2, checksum1, checksum2, offset: 32 };
  const end = decodeFrames(file.subarray(32), start, order, (page, commit, data) => {
    frames.push({ page, commit, fill: data[0] ?? 0 });
  });
  return { frames, end };
}

describe('the WAL header', () => {
  it('has the checksum that another implementation computed', () => {
    const data = Buffer.from('377f0682002de21800001000000000004875a40ba38de4f5e08b785b8e57dda3', 'hex');
    expect(decodeWalHeader(data)).toEqual({
      order: 'little',
      pageSize: 4096,
      checkpointSequence: 0,
      salt1: 0x4875a40b,
      salt2: 0xa38de4f5,
      checksum1: 0xe08b785b,
      checksum2: 0x8e57dda3,
    });
  });

  it('with any bit wrong is none', () => {
    const wal = buildWal(4096, 'little', [{ salt1: 7, salt2: 8, frames: [] }]);
    fc.assert(
      fc.property(fc.nat(32 * 8 - 1), (bit) => {
        const damaged = Buffer.from(wal);
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(decodeWalHeader(damaged)).toBeUndefined();
      }),
    );
  });

  it.for([0, 31])('of %i bytes is none', (length) => {
    expect(
      decodeWalHeader(buildWal(512, 'big', [{ salt1: 7, salt2: 8, frames: [] }]).subarray(0, length)),
    ).toBeUndefined();
  });
});

const frame = fc.record({ page: fc.integer({ min: 1, max: 50 }), commit: fc.nat(3), fill: fc.nat(255) });
const generation = fc.record({
  salt1: fc.nat(0xffffffff),
  salt2: fc.nat(0xffffffff),
  frames: fc.array(frame, { maxLength: 12 }),
});
const wal = fc.record({
  pageSize: fc.constantFrom(512, 1024),
  order: fc.constantFrom<WordOrder>('little', 'big'),
  generations: fc.uniqueArray(generation, {
    minLength: 1,
    maxLength: 4,
    selector: ({ salt1, salt2 }) => `${salt1} ${salt2}`,
  }),
});
const newest = (generations: readonly Generation[]) => generations.at(-1)?.frames ?? [];

describe('the frames of a WAL', () => {
  it('are those of its newest generation, whatever older ones left behind them', () => {
    fc.assert(
      fc.property(wal, ({ pageSize, order, generations }) => {
        expect(scan(buildWal(pageSize, order, generations)).frames).toEqual(newest(generations));
      }),
    );
  });

  it('end where the file was cut', () => {
    fc.assert(
      fc.property(wal, fc.nat(1_000_000), ({ pageSize, order, generations }, cut) => {
        const file = buildWal(pageSize, order, generations);
        const length = cut % (file.length + 1);
        const whole = Math.max(0, Math.floor(framesBefore(length, pageSize)));
        expect(scan(file.subarray(0, length)).frames).toEqual(length < 32 ? [] : newest(generations).slice(0, whole));
      }),
    );
  });

  it('end at the frame in which a bit was flipped', () => {
    fc.assert(
      fc.property(wal, fc.nat(1_000_000), fc.nat(7), ({ pageSize, order, generations }, at, bit) => {
        const frames = newest(generations);
        fc.pre(frames.length > 0);
        const file = buildWal(pageSize, order, generations);
        const damaged = at % frames.length;
        // Bytes 4–7 of a frame header are as much part of the checksum as its data.
        const byte = frameOffset(damaged + 1, pageSize) + (at % frameSize(pageSize));
        file[byte] = (file[byte] ?? 0) ^ (1 << bit);
        expect(scan(file).frames).toEqual(frames.slice(0, damaged));
      }),
    );
  });

  it('give the same positions in one go and in pieces', () => {
    fc.assert(
      fc.property(wal, fc.nat(11), ({ pageSize, order, generations }, split) => {
        const file = buildWal(pageSize, order, generations);
        const whole = scan(file).end;
        const header = decodeWalHeader(file);
        if (whole === undefined || header === undefined) throw new Error('no header');
        const middle = Math.min(frameOffset(split + 1, pageSize), whole.offset);
        const start = { ...whole, offset: 32, checksum1: header.checksum1, checksum2: header.checksum2 };
        const first = decodeFrames(file.subarray(32, middle), start, order, () => {});
        expect(first.offset).toBe(middle);
        expect(decodeFrames(file.subarray(middle), first, order, () => {})).toEqual(whole);
      }),
    );
  });
});

describe.for([512, 4096, 65536])('a WAL that SQLite wrote, page size %i', (pageSize) => {
  it('and its wal-index end at the same frame with the same checksum', () => {
    const folder = mkdtempSync(join(tmpdir(), 'station-wal-'));
    const db = new Database(join(folder, 'a.db'));
    db.pragma(`page_size = ${pageSize}`);
    db.pragma('journal_mode = WAL');
    db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (randomblob(200000)); INSERT INTO t VALUES (1)');
    const file = readFileSync(join(folder, 'a.db-wal'));
    const shm = openSync(join(folder, 'a.db-shm'), 'r');
    const index = readWalIndex(shm);
    const { frames, end } = scan(file);
    expect(frames.filter(({ commit }) => commit !== 0)).toHaveLength(3);
    expect(index && endOfWal(index)).toEqual(end);
    expect(index).toMatchObject({ frames: frames.length, commit: frames.at(-1)?.commit, backfilled: 0 });
    closeSync(shm);
    db.close();
    rmSync(folder, { recursive: true });
  });
});

describe('the wal-index', () => {
  const folder = mkdtempSync(join(tmpdir(), 'station-wal-'));
  const db = new Database(join(folder, 'a.db'));
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE t(a)');
  const sound = readFileSync(join(folder, 'a.db-shm')).subarray(0, 136);
  db.close();
  rmSync(folder, { recursive: true });

  it('is not believed while its two copies differ, or with any bit wrong in both', () => {
    fc.assert(
      fc.property(fc.nat(48 * 8 - 1), fc.boolean(), (bit, both) => {
        const damaged = Buffer.from(sound);
        for (const copy of both ? [0, 48] : [0]) {
          damaged[copy + (bit >> 3)] = (damaged[copy + (bit >> 3)] ?? 0) ^ (1 << (bit & 7));
        }
        expect(decodeWalIndex(damaged)).toBeUndefined();
      }),
    );
    expect(decodeWalIndex(sound)).toBeDefined();
  });

  it('cut short is none', () => {
    expect(decodeWalIndex(sound.subarray(0, 99))).toBeUndefined();
  });
});
