import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { RunningChecksum } from '../../src/wal/wal-checksum.ts';
import { decodeFrames } from '../../src/wal/wal-frame.ts';
import { decodeWalHeader } from '../../src/wal/wal-header.ts';
import { Workbench } from './support/workbench.ts';
import { nodeWriter } from './support/writers.ts';

/**
 * What a writer leaves that is killed between writing its commit frame and publishing it in the wal-index: a frame that
 * verifies, and that the next writer overwrites with the same salts.
 */
function leaveUnpublishedCommit(walPath: string): void {
  const wal = readFileSync(walPath);
  const header = decodeWalHeader(wal);
  if (header === undefined) throw new Error('no WAL header');
  const { pageSize, salt1, salt2, checksum1, checksum2, order } = header;
  let last: Uint8Array = Buffer.alloc(0);
  const start = { pageSize, salt1, salt2, checksum1, checksum2, offset: 32 };
  const end = decodeFrames(wal.subarray(32), start, order, (_page, _commit, data) => {
    last = data;
  });
  const frame = Buffer.alloc(24 + pageSize);
  frame.writeUInt32BE(1, 0);
  frame.writeUInt32BE(9, 4);
  frame.writeUInt32BE(salt1, 8);
  frame.writeUInt32BE(salt2, 12);
  frame.set(last, 24);
  const checksum = new RunningChecksum(order, end.checksum1, end.checksum2);
  checksum.add(frame, 0, 8);
  checksum.add(frame, 24, frame.length);
  frame.writeUInt32BE(checksum.first, 16);
  frame.writeUInt32BE(checksum.second, 20);
  expect(decodeFrames(frame, end, order, () => {}).offset).toBe(end.offset + frame.length);
  const file = openSync(walPath, 'r+');
  writeSync(file, frame, 0, frame.length, end.offset);
  closeSync(file);
}

it('a commit frame that was never published is not captured, and what overwrites it is', async () => {
  const bench = new Workbench();
  const db = new Database(bench.path);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE counter(id TEXT PRIMARY KEY, mark TEXT); CREATE TABLE history(id TEXT, n INTEGER, body BLOB)');
  db.close();
  await bench.followRestored(4096);
  await nodeWriter(bench.path, { burst: 1, transactions: 3, noClose: true }).ended;
  await bench.take();
  leaveUnpublishedCommit(`${bench.path}-wal`);
  expect(await bench.take()).toBe(false);
  const { n } = await nodeWriter(bench.path, { burst: 1, transactions: 8, noClose: true }).ended;
  expect(await bench.take()).toBe(true);
  await bench.finish();
  expect(n).toBe(8);
  expect(bench.count.gaps).toEqual([]);
  expect(bench.count.last('w')).toBe(8);
  expect(bench.difference()).toBeUndefined();
  bench.dispose();
});
