import { openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LtxEncoder } from '../../src/ltx/encoder.ts';
import { lockPageNumber } from '../../src/page.ts';
import { bytes, milliseconds, pageNumber, txid } from '../../src/quantities.ts';
import type { ObjectBody } from '../../src/storage/object-store.ts';
import { putLtx } from './replica-builder.ts';
import { createSite, type Site } from './site.ts';

let site: Site;

beforeEach(() => {
  site = createSite();
});
afterEach(() => site.remove());

/** A snapshot that is encoded while it is put: `size` is found out by encoding it once before. */
function snapshotBody(pageSize: number, commit: number, pageOf: (number: number) => Uint8Array): ObjectBody {
  function* encode() {
    const encoder = new LtxEncoder({
      pageSize,
      commit,
      minTxid: txid(1),
      maxTxid: txid(1),
      timestamp: milliseconds(1_700_000_000_000),
      wal: { offset: 32, size: 0, salt1: 0, salt2: 0 },
      checksums: 'none',
      nodeId: 0n,
    });
    yield encoder.start();
    for (let number = 1; number <= commit; number += 1) {
      if (number !== lockPageNumber(pageSize)) yield encoder.page(pageNumber(number), pageOf(number));
    }
    yield encoder.finish();
  }
  let size = 0;
  for (const part of encode()) size += part.byteLength;
  return {
    size: bytes(size),
    async *open() {
      yield* encode();
    },
  };
}

test('past 1 GiB: the lock page is zeros, its neighbours are not, and memory stays small', async () => {
  const pageSize = 65_536;
  const lockPage = lockPageNumber(pageSize);
  const commit = lockPage + 3;
  const { store } = site.replica('disk');
  const page = Buffer.alloc(pageSize);
  const pageOf = (number: number) => {
    page.writeUInt32BE(number, 1000);
    return page;
  };
  const body = snapshotBody(pageSize, commit, pageOf);
  await store.put('ltx/9/0000000000000001-0000000000000001.ltx', body, { createOnly: true });
  const pages = new Map([[commit + 1, Buffer.alloc(pageSize, 9)]]);
  const timestamp = 1_700_000_001_000;
  await putLtx(store, 0, { pageSize, commit: commit + 1, minTxid: 2, maxTxid: 2, timestamp, pages });

  const script = join(import.meta.dirname, 'restore-once.ts');
  const run = await execa(process.execPath, [
    script,
    join(site.folder, 'disk'),
    site.output,
    site.checksumFile,
    'none',
  ]);
  const outcome = JSON.parse(run.stdout);
  expect(outcome).toMatchObject({ kind: 'restored', txid: 2, commit: commit + 1 });
  // A bound on what depends on the size of the database, which has over 1,100 MiB: what the allocator keeps varies by tens.
  expect((outcome.memory.highest - outcome.memory.baseline) / (1 << 20)).toBeLessThan(150);
  expect(statSync(site.output).size).toBe((commit + 1) * pageSize);

  const database = openSync(site.output, 'r');
  const numberAt = (number: number) => {
    const read = Buffer.alloc(4);
    readSync(database, read, 0, 4, (number - 1) * pageSize + 1000);
    return read.readUInt32BE();
  };
  expect(numberAt(lockPage)).toBe(0);
  expect([lockPage - 1, lockPage + 1, commit].map(numberAt)).toEqual([lockPage - 1, lockPage + 1, commit]);
  expect(numberAt(commit + 1)).toBe(0x09090909);

  const checksums = openSync(site.checksumFile, 'r');
  const checksumOf = (number: number) => {
    const read = Buffer.alloc(8);
    readSync(checksums, read, 0, 8, 32 + (number - 1) * 8);
    return read.readBigUInt64LE();
  };
  expect(checksumOf(lockPage)).toBe(0n);
  expect(checksumOf(lockPage + 1)).not.toBe(0n);
});
