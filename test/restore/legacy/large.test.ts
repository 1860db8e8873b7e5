import { mkdirSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import lz4 from 'lz4-napi';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { xxh32 } from '../../../src/ltx/xxh32.ts';
import { buildWal } from '../../wal/support/wal-builder.ts';
import { createSite, type Site } from '../site.ts';

let site: Site;
beforeEach(() => {
  site = createSite();
});
afterEach(() => site.remove());

const pageSize = 65_536;
const BLOCK = 4 * 1024 * 1024;

/** One LZ4 frame in blocks of 4 MiB, as 0.3 writes it but without a checksum of the content. */
function frameOf(blocks: readonly Buffer[]): Buffer {
  const descriptor = Buffer.from([0x60, 0x70]);
  const compressed = new Map(
    [...new Set(blocks)].map((block) => [block, lz4.compressSync(block).subarray(4)] as const),
  );
  const parts = blocks.flatMap((block) => {
    const content = compressed.get(block) ?? Buffer.alloc(0);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(content.length);
    return [size, content];
  });
  const magic = Buffer.from([0x04, 0x22, 0x4d, 0x18]);
  return Buffer.concat([magic, descriptor, Buffer.from([(xxh32(descriptor) >>> 8) & 0xff]), ...parts, Buffer.alloc(4)]);
}

test('memory stays small, however large the database and a transaction in its WAL', async () => {
  const first = Buffer.alloc(BLOCK, 1);
  first.write('SQLite format 3\0', 'latin1');
  first.writeUInt16BE(1, 16);
  const other = Buffer.alloc(BLOCK, 2);
  const blocks = [first, ...Array.from({ length: 149 }, () => other)];
  const commit = (150 * BLOCK) / pageSize;
  const frames = Array.from({ length: 3_000 }, (_, index) => ({
    page: (index % 2_300) + 2,
    commit: index === 2_999 ? commit : 0,
    fill: 3,
  }));
  const wal = buildWal(pageSize, 'little', [{ salt1: 1, salt2: 2, frames }]);
  const folder = join(site.folder, 'disk', 'generations', '0123456789abcdef');
  for (const name of ['snapshots', 'wal']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'snapshots', '00000000.snapshot.lz4'), frameOf(blocks));
  const pieces = Array.from({ length: Math.ceil(wal.length / BLOCK) }, (_, at) =>
    wal.subarray(at * BLOCK, (at + 1) * BLOCK),
  );
  writeFileSync(join(folder, 'wal', '00000000_00000000.wal.lz4'), frameOf(pieces));

  const script = join(import.meta.dirname, '..', 'restore-once.ts');
  const run = await execa(process.execPath, [script, join(site.folder, 'disk'), site.output, '', 'none']);
  const outcome = JSON.parse(run.stdout);
  expect(outcome).toMatchObject({ kind: 'restored', pageSize, commit });
  // A bound on what depends on sizes: the database has 600 MiB, the transaction 187 MiB.
  expect((outcome.memory.highest - outcome.memory.baseline) / (1 << 20)).toBeLessThan(100);
  expect(statSync(site.output).size).toBe(150 * BLOCK);
  const database = openSync(site.output, 'r');
  const read = Buffer.alloc(1);
  const byteOf = (page: number) => {
    readSync(database, read, 0, 1, (page - 1) * pageSize + 500);
    return read[0];
  };
  expect([1, 2, 2_301, 2_302, commit].map(byteOf)).toEqual([1, 3, 3, 2, 2]);
});
