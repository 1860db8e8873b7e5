import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { saveSnapshot } from './support/replica.ts';
import { Workbench } from './support/workbench.ts';
import { nodeWriter } from './support/writers.ts';

async function digest(path: string): Promise<string> {
  const hash = createHash('sha1');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

it('snapshots under a busy writer are sound, and exactly the state after their change set', async () => {
  const bench = new Workbench();
  await bench.follow();
  const writer = nodeWriter(bench.path, { burst: 16, pause: 8, milliseconds: 4_000, payload: 500, timeout: 1_000 });
  const replicaPath = join(bench.folder, 'replica');
  const snapshotPath = join(bench.folder, 'snapshot');
  let going = true;
  const ended = writer.ended.finally(() => {
    going = false;
  });
  let taken = 0;
  while (going) {
    const { changeSet, snapshot } = await bench.follower.changes({ snapshot: true });
    // Time for the WAL to go on, and for SQLite to checkpoint what it may.
    await sleep(taken % 3 === 0 ? 60 : 5);
    if (snapshot !== undefined) await saveSnapshot(snapshot, snapshotPath);
    if (changeSet !== undefined) await bench.replica.apply(changeSet);
    await snapshot?.release();
    if (snapshot === undefined) continue;
    taken += 1;
    expect(await digest(snapshotPath)).toBe(await digest(replicaPath));
    const copy = new Database(snapshotPath);
    expect(copy.pragma('integrity_check', { simple: true })).toBe('ok');
    copy.close();
  }
  const { n, exit } = await ended;
  await bench.finish();
  expect(exit).toBe(0);
  expect(taken).toBeGreaterThan(20);
  expect(bench.count.last('w')).toBe(n);
  expect(bench.difference()).toBeUndefined();
  bench.dispose();
});

it('snapshots of a database at rest, several at a time', async () => {
  const bench = new Workbench();
  await bench.follow();
  await nodeWriter(bench.path, { burst: 1, transactions: 30, pause: 0, noClose: true }).ended;
  const first = await bench.follower.changes({ snapshot: true });
  const second = await bench.follower.changes({ snapshot: true });
  expect(second.changeSet).toBeUndefined();
  if (first.changeSet === undefined || first.snapshot === undefined || second.snapshot === undefined) throw new Error();
  await saveSnapshot(second.snapshot, join(bench.folder, 'second'));
  await second.snapshot.release();
  await saveSnapshot(first.snapshot, join(bench.folder, 'first'));
  await first.snapshot.release();
  await bench.replica.apply(first.changeSet);
  await bench.finish();
  expect(await digest(join(bench.folder, 'first'))).toBe(await digest(bench.path));
  expect(await digest(join(bench.folder, 'second'))).toBe(await digest(bench.path));
  bench.dispose();
});

it('a snapshot that is held for long is not told of as somebody’s lock', async () => {
  const bench = new Workbench();
  await bench.follow();
  const database = new Database(bench.path);
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (body)');
  const { snapshot } = await bench.follower.changes({ snapshot: true });
  for (const end = Date.now() + 7_000; Date.now() < end; await sleep(20)) {
    // Enough to be checkpointed soon.
    database.exec('INSERT INTO t VALUES (randomblob(50000))');
  }
  expect(bench.notices.filter(({ level }) => level !== 'info')).toEqual([]);
  await snapshot?.release();
  database.close();
  await bench.finish();
  bench.dispose();
});
