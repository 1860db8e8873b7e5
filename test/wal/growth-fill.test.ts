import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AttachedDatabase } from '../../src/wal/attached-database.ts';
import { fillGrowth } from '../../src/wal/growth-fill.ts';
import { PendingPages } from '../../src/wal/pending-pages.ts';
import { endOfWal } from '../../src/wal/wal-reader.ts';
import { Workbench } from './support/workbench.ts';

const PAGE = 4096;

describe('pages of a grown database that no frame of the change set carried', () => {
  let bench: Workbench;
  let db: Database.Database;
  let attached: AttachedDatabase;
  beforeEach(() => {
    bench = new Workbench();
    db = new Database(bench.path);
    db.pragma('journal_mode = WAL');
    db.pragma('wal_autocheckpoint = 0');
    db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (randomblob(40000))');
  });
  afterEach(() => bench.dispose());

  /** Fills pages 3 to `commit` of a change set that holds page 5 only, and compares with the checkpointed file. */
  async function fill(beyond = 0): Promise<void> {
    const index = attached.index();
    const pending = new PendingPages(PAGE, bench.folder);
    const own = Buffer.alloc(PAGE, 'own');
    pending.put(5, own);
    const commit = index.commit + beyond;
    await fillGrowth(attached, endOfWal(index), 2, commit, pending);
    db.close();
    attached.close();
    const file = Buffer.concat([readFileSync(bench.path), Buffer.alloc(beyond * PAGE)]);
    const numbers = pending.numbers(commit);
    expect([...numbers]).toEqual(Array.from({ length: commit - 2 }, (_, at) => at + 3));
    for (const batch of pending.batches(numbers)) {
      for (const { number, data } of batch) {
        const expected = number === 5 ? own : file.subarray((number - 1) * PAGE, number * PAGE);
        expect(expected.equals(data), `page ${number}`).toBe(true);
      }
    }
    pending.close();
  }

  const attach = (): void => {
    const found = AttachedDatabase.attach(bench.path);
    if (found === undefined) throw new Error('busy');
    attached = found;
  };

  it('come from their newest frame if that is not backfilled', async () => {
    db.exec('UPDATE t SET a = randomblob(40000)');
    attach();
    await fill();
  });

  it('come from the database file if they are backfilled', async () => {
    db.exec('UPDATE t SET a = randomblob(40000)');
    db.pragma('wal_checkpoint(PASSIVE)');
    attach();
    await fill();
  });

  it('come from both where a part is backfilled', async () => {
    const reader = new Database(bench.path);
    reader.exec('BEGIN; SELECT * FROM t');
    reader.prepare('SELECT count(*) FROM t').get();
    db.exec('UPDATE t SET a = randomblob(40000)');
    db.pragma('wal_checkpoint(PASSIVE)');
    reader.close();
    attach();
    expect(attached.index().backfilled).toBeGreaterThan(0);
    expect(attached.index().backfilled).toBeLessThan(attached.index().frames);
    await fill();
  });

  it('are zeros beyond the end of the file', async () => {
    db.pragma('wal_checkpoint(TRUNCATE)');
    attach();
    await fill(7);
  });
});
