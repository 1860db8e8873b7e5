import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Workbench } from './support/workbench.ts';
import { nodeWriter } from './support/writers.ts';

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => bench.dispose());

/** What was taken, as reasons only. */
const reasons = () => bench.replica.taken.map(({ why }) => why);

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 10) {
    if (await condition()) return;
    await sleep(10);
  }
  throw new Error('waited in vain');
}

/** Deletes the database as an application does that starts afresh. */
function removeDatabase(): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(bench.path + suffix, { force: true });
}

describe('a database that is not there yet', () => {
  it('is followed from the moment the application makes it', async () => {
    await bench.follow();
    expect(await bench.take()).toBe(false);
    const [result] = await bench.takeWhile([nodeWriter(bench.path, { milliseconds: 600 })]);
    await bench.finish();
    expect(reasons()[0]).toBe('first');
    expect(
      reasons()
        .slice(1)
        .every((why) => why === 'commits'),
    ).toBe(true);
    expect(bench.count.last('w')).toBe(result?.n);
    expect(bench.difference()).toBeUndefined();
  });

  it('keeps the page size and auto_vacuum that the application chooses', async () => {
    await bench.follow();
    const pragmas = ['page_size = 1024', 'auto_vacuum = FULL'];
    await bench.takeWhile([nodeWriter(bench.path, { milliseconds: 400, pragmas })]);
    await bench.finish();
    expect(bench.replica.taken.at(-1)?.pageSize).toBe(1024);
    expect(bench.difference(1024)).toBeUndefined();
  });

  it('may be an empty file at first', async () => {
    writeFileSync(bench.path, '');
    await bench.follow();
    expect(await bench.take()).toBe(false);
    expect(statSync(bench.path).size).toBe(0);
    await bench.takeWhile([nodeWriter(bench.path, { milliseconds: 300 })]);
    await bench.finish();
    expect(bench.difference()).toBeUndefined();
  });

  it('may be in a folder that is not there yet', async () => {
    const inside = join(bench.folder, 'later');
    const later = new Workbench();
    Object.assign(later, { path: join(inside, 'station.db') });
    await later.follow();
    await sleep(50);
    mkdirSync(inside);
    await nodeWriter(later.path, { milliseconds: 200 }).ended;
    await later.finish();
    expect(later.replica.taken.map(({ why }) => why)).toEqual(['first']);
    expect(later.difference()).toBeUndefined();
    later.dispose();
  });

  it('is told of at once, though nobody asked', async () => {
    await bench.follow();
    await sleep(200);
    expect(bench.committedCalls).toBe(0);
    const writer = nodeWriter(bench.path, { milliseconds: 1000, burst: 1, pause: 100 });
    await until(() => bench.committedCalls === 1);
    await sleep(200);
    expect(bench.committedCalls).toBe(1);
    await bench.take();
    await until(() => bench.committedCalls === 2);
    await writer.ended;
    await bench.finish();
  });

  it('may have come and been left before anyone looked', async () => {
    await bench.follow();
    await nodeWriter(bench.path, { burst: 1, transactions: 3 }).ended;
    await bench.finish();
    expect(reasons()).toEqual(['first']);
    expect(bench.difference()).toBeUndefined();
  });

  it('may never come', async () => {
    await bench.follow();
    expect(await bench.follower.finish()).toEqual([]);
    expect(existsSync(bench.path)).toBe(false);
  });
});

describe('a file that is no database', () => {
  it('is said to be none, and followed once a database takes its place', async () => {
    writeFileSync(bench.path, 'something else '.repeat(1000));
    await bench.follow();
    await expect(bench.follower.changes()).rejects.toMatchObject({ code: 'DATABASE_INVALID' });
    removeDatabase();
    await nodeWriter(bench.path, { burst: 1, transactions: 3 }).ended;
    await until(() => bench.take());
    await bench.finish();
    expect(bench.difference()).toBeUndefined();
  });
});

describe('a database that another process holds exclusively', () => {
  it('is waited for', async () => {
    const pragmas = ['locking_mode = EXCLUSIVE'];
    const writer = nodeWriter(bench.path, { burst: 1, pause: 10, milliseconds: 800, pragmas });
    await until(() => existsSync(bench.path) && statSync(bench.path).size > 0);
    await bench.follow();
    const [result] = await bench.takeWhile([writer]);
    expect(result).toMatchObject({ exit: 0, busy: 0 });
    await bench.finish();
    expect(bench.difference()).toBeUndefined();
  });
});

describe('a database in rollback mode', () => {
  it('is turned to WAL under a live writer without busy timeout', async () => {
    const writer = nodeWriter(bench.path, { journal: 'keep', burst: 1, pause: 5, milliseconds: 3000 });
    // Its tables are there: it would not survive a busy answer before.
    await until(() => existsSync(bench.path) && readFileSync(bench.path).includes('@@w:'));
    await bench.follow();
    const [result] = await bench.takeWhile([writer]);
    await bench.finish();
    // The change of mode needs the write lock for a fraction of a millisecond. It may take more than one try, and a busy
    // machine may hold this process up meanwhile: a few of hundreds of transactions.
    expect(result?.n).toBeGreaterThan(50);
    expect(result?.busy).toBeLessThan(10);
    expect(bench.notices.map(({ message }) => message)).toContain('journal mode set to WAL');
    expect(bench.replica.taken.length).toBeGreaterThan(5);
    expect(bench.count.gaps.length).toBeLessThanOrEqual(1);
    expect(bench.difference()).toBeUndefined();
  });

  it('is read at the end even if nobody ever looked before', async () => {
    await nodeWriter(bench.path, { journal: 'keep', burst: 1, transactions: 3 }).ended;
    await bench.follow();
    await bench.finish();
    expect(reasons()).toEqual(['first']);
    expect(bench.difference()).toBeUndefined();
  });

  it('left with a hot journal is rolled back by SQLite first', async () => {
    const sql = ['BEGIN', 'INSERT INTO history VALUES (1, 1, zeroblob(4000000))'];
    const options = { journal: 'keep', pragmas: ['cache_size = 2'], transactions: 0, noClose: true } as const;
    await nodeWriter(bench.path, { journal: 'keep', burst: 1, transactions: 3 }).ended;
    await nodeWriter(bench.path, { ...options, sql }).ended;
    expect(existsSync(`${bench.path}-journal`)).toBe(true);
    await bench.follow();
    await bench.finish();
    expect(bench.leftovers()).toEqual([]);
    expect(bench.difference()).toBeUndefined();
  });

  it('as a restored one brings page 1 only', async () => {
    await nodeWriter(bench.path, { journal: 'keep', burst: 1, transactions: 3, payload: 50_000 }).ended;
    await bench.followRestored(4096);
    await bench.take();
    await bench.finish();
    expect(bench.replica.taken.map(({ why, pages, position }) => ({ why, pages, position }))).toEqual([
      { why: 'commits', pages: 1, position: undefined },
    ]);
    expect(bench.difference()).toBeUndefined();
  });
});

describe('a database that is deleted and made again', () => {
  it('is followed to its last commit; the new one comes whole', async () => {
    await bench.follow();
    await bench.takeWhile([nodeWriter(bench.path, { milliseconds: 300, noClose: true })]);
    const before = nodeWriter(bench.path, { milliseconds: 300, noClose: true });
    const last = await before.ended;
    removeDatabase();
    const [result] = await bench.takeWhile([nodeWriter(bench.path, { id: 'new', milliseconds: 500, payload: 900 })]);
    await bench.finish();
    expect(bench.replacements).toBe(1);
    expect(bench.count.last('w')).toBe(last.n);
    expect(reasons().filter((why) => why === 'new-database')).toHaveLength(1);
    expect(result?.exit).toBe(0);
    expect(bench.difference()).toBeUndefined();
  });

  it('is noticed while nobody asks', async () => {
    await bench.follow();
    await nodeWriter(bench.path, { burst: 1, transactions: 2 }).ended;
    await until(() => bench.take());
    removeDatabase();
    await until(() => bench.replacements === 1);
    await nodeWriter(bench.path, { burst: 1, transactions: 2 }).ended;
    await until(async () => (await bench.take()) && reasons().includes('new-database'));
    await bench.finish();
    expect(bench.difference()).toBeUndefined();
  });

  it('at the very end comes as two change sets', async () => {
    await bench.follow();
    await nodeWriter(bench.path, { burst: 1, transactions: 2, noClose: true }).ended;
    await until(() => bench.take());
    await nodeWriter(bench.path, { burst: 1, transactions: 4, noClose: true }).ended;
    removeDatabase();
    await nodeWriter(bench.path, { burst: 1, transactions: 2, payload: 5000 }).ended;
    await bench.finish();
    expect(reasons()).toEqual(['first', 'commits', 'new-database']);
    expect(bench.difference()).toBeUndefined();
  });

  it('right after a restore brings the new one above the restored', async () => {
    await nodeWriter(bench.path, { burst: 1, transactions: 2 }).ended;
    await bench.followRestored(4096);
    removeDatabase();
    await nodeWriter(bench.path, { burst: 1, transactions: 2, payload: 5000 }).ended;
    await bench.finish();
    expect(reasons()).toEqual(['new-database']);
    expect(bench.difference()).toBeUndefined();
  });
});

describe('the end', () => {
  it('leaves no WAL behind, and the last commit is in', async () => {
    await bench.follow();
    const { n } = await nodeWriter(bench.path, { burst: 1, transactions: 7, noClose: true }).ended;
    await bench.finish();
    expect(n).toBe(7);
    expect(bench.leftovers()).toEqual([]);
    expect(bench.difference()).toBeUndefined();
  });

  it('brings what was committed since the last change set', async () => {
    await bench.follow();
    await nodeWriter(bench.path, { burst: 1, transactions: 1 }).ended;
    await until(() => bench.take());
    const { n } = await nodeWriter(bench.path, { burst: 1, transactions: 9, noClose: true }).ended;
    await bench.finish();
    expect(reasons()).toEqual(['first', 'commits']);
    expect(bench.replica.taken.at(-1)?.transactions).toBe(8);
    expect(bench.count.last('w')).toBe(n);
    expect(bench.difference()).toBeUndefined();
  });

  it('with a snapshot still being read keeps it sound', async () => {
    await bench.follow();
    await nodeWriter(bench.path, { burst: 1, transactions: 40, payload: 3000 }).ended;
    const { changeSet, snapshot } = await bench.follower.changes({ snapshot: true });
    if (changeSet === undefined || snapshot === undefined) throw new Error('nothing to read');
    await nodeWriter(bench.path, { burst: 1, transactions: 80, payload: 3000 }).ended;
    const rest = await bench.follower.finish();
    expect(rest).toHaveLength(1);
    await bench.replica.apply(changeSet);
    for (const later of rest) await bench.replica.apply(later);
    await snapshot.release();
    expect(bench.leftovers()).toEqual([]);
    expect(bench.difference()).toBeUndefined();
  });

  it('refuses everything after it', async () => {
    await bench.follow();
    await bench.finish();
    await expect(bench.follower.changes()).rejects.toMatchObject({ code: 'CAPTURE_FAILED' });
  });
});
