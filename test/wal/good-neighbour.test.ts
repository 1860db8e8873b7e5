import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Workbench } from './support/workbench.ts';
import { nodeWriter } from './support/writers.ts';

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
  const db = new Database(bench.path);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE counter(id TEXT PRIMARY KEY, mark TEXT); CREATE TABLE history(id TEXT, n INTEGER, body BLOB)');
  db.close();
});
afterEach(() => bench.dispose());

describe('the application’s own checkpoints', () => {
  it.for(['FULL', 'RESTART', 'TRUNCATE'])('of kind %s succeed, at rest and between commits', async (kind) => {
    await bench.followRestored(4096);
    const writer = nodeWriter(bench.path, {
      checkpointEach: kind,
      burst: 1,
      pause: 30,
      milliseconds: 3_000,
      timeout: 5_000,
    });
    const [result] = await bench.takeWhile([writer]);
    await bench.finish();
    expect(result?.checkpoints?.done).toBeGreaterThan(10);
    expect(result?.checkpoints?.blocked).toBe(0);
    // With a reader that stands still, each would wait for the whole busy timeout.
    expect(result?.checkpoints?.slowest).toBeLessThan(2_500);
    expect(bench.count.gaps).toEqual([]);
    expect(bench.count.last('w')).toBe(result?.n);
    expect(bench.difference()).toBeUndefined();
  });
});

describe('a full disk', () => {
  it('makes changes() reject; nothing is lost when there is room again', async () => {
    await bench.followRestored(4096);
    const spill = join(bench.folder, 'spill');
    writeFileSync(spill, 'in the way');
    const sql = ["INSERT INTO history VALUES ('big', 1, randomblob(20000000))"];
    await nodeWriter(bench.path, { burst: 1, transactions: 3, sql, noClose: true }).ended;
    await expect(bench.follower.changes()).rejects.toMatchObject({ code: 'STAGING_FAILED' });
    await expect(bench.follower.changes()).rejects.toMatchObject({ code: 'STAGING_FAILED' });
    rmSync(spill);
    expect(await bench.take()).toBe(true);
    await bench.finish();
    expect(bench.count.last('w')).toBe(3);
    expect(bench.difference()).toBeUndefined();
  });
});

describe('a database at rest', () => {
  it('costs next to nothing: no writes, hardly any time', async () => {
    await bench.followRestored(4096);
    const writer = nodeWriter(bench.path, { burst: 1, transactions: 3 });
    await bench.takeWhile([writer]);
    await sleep(2_500);
    const before = process.resourceUsage();
    const cpu = process.cpuUsage();
    await sleep(3_000);
    const after = process.resourceUsage();
    const { user, system } = process.cpuUsage(cpu);
    expect(after.fsWrite).toBe(before.fsWrite);
    expect((user + system) / 1_000).toBeLessThan(100);
    await nodeWriter(bench.path, { burst: 1, transactions: 4, noClose: true }).ended;
    await sleep(500);
    expect(bench.committedCalls).toBeGreaterThan(0);
    await bench.finish();
    expect(bench.count.last('w')).toBe(4);
    expect(bench.difference()).toBeUndefined();
  });
});
