import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockPageNumber } from '../../src/page.ts';
import { Workbench } from './support/workbench.ts';
import { nodeWriter } from './support/writers.ts';

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => bench.dispose());

const TABLES =
  'CREATE TABLE counter(id TEXT PRIMARY KEY, mark TEXT); CREATE TABLE history(id TEXT, n INTEGER, body BLOB)';

function prepare(pageSize: number, pragmas: readonly string[] = [], sql = ''): void {
  const db = new Database(bench.path);
  db.pragma(`page_size = ${pageSize}`);
  for (const pragma of pragmas) db.pragma(pragma);
  db.pragma('journal_mode = OFF');
  db.exec(TABLES + (sql === '' ? '' : `; ${sql}`));
  db.pragma('journal_mode = WAL');
  db.close();
}

/** Runs SQL in one process after another; a change set is taken after each of `steps` that says so. */
async function run(steps: readonly (string | 'take')[], pragmas: readonly string[] = []): Promise<void> {
  for (const step of steps) {
    if (step === 'take') await bench.take();
    else {
      const { exit, errors } = await nodeWriter(bench.path, { transactions: 0, sql: [step], pragmas, noClose: true })
        .ended;
      expect(exit, errors).toBe('SIGKILL');
    }
  }
}

describe.for([512, 1024, 8192, 65536])('page size %i', (pageSize) => {
  it('with random transactions, checkpoints, and VACUUM between', async () => {
    prepare(pageSize);
    await bench.followRestored(pageSize);
    for (const seed of [1, 2]) {
      const writer = nodeWriter(bench.path, {
        wild: seed * pageSize,
        burst: 10,
        pause: 5,
        milliseconds: 1200,
        timeout: 2_000,
      });
      const [result] = await bench.takeWhile([writer]);
      expect(result?.exit, result?.errors).toBe(0);
      expect(bench.count.last('w')).toBe(result?.n);
      await run(['DELETE FROM history WHERE rowid % 2 = 0; VACUUM', 'take']);
    }
    await bench.finish();
    expect(bench.count.gaps).toEqual([]);
    expect(bench.difference(pageSize)).toBeUndefined();
  });

  it('as the first state of a new replica', async () => {
    prepare(pageSize, [], 'INSERT INTO history VALUES (1, 1, randomblob(300000))');
    await bench.follow();
    await bench.take();
    await bench.finish();
    expect(bench.replica.taken[0]).toMatchObject({ why: 'first', commit: statSync(bench.path).size / pageSize });
    expect(bench.difference(pageSize)).toBeUndefined();
  });
});

describe('a database that grows and shrinks', () => {
  const GROW = 'INSERT INTO history SELECT 1, value, randomblob(3000) FROM generate_series(1, 300)'.replace(
    'generate_series(1, 300)',
    '(WITH RECURSIVE s(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM s WHERE value < 300) SELECT value FROM s)',
  );
  const EMPTY = 'DELETE FROM history; VACUUM';
  const MAKE_AND_DROP = `BEGIN; CREATE TABLE gone AS ${GROW.slice(GROW.indexOf('SELECT'))}; DROP TABLE gone; ${GROW}; COMMIT`;

  it.for<[string, readonly string[]]>([
    ['pages made and freed in one transaction, which no WAL carries', [MAKE_AND_DROP, 'take']],
    ['shrunk and grown between two change sets', [GROW, 'take', EMPTY, MAKE_AND_DROP, 'take']],
    ['shrunk, sent, and grown', [GROW, 'take', EMPTY, 'take', MAKE_AND_DROP, 'take']],
    ['shrunk, checkpointed, and grown', [GROW, EMPTY, 'PRAGMA wal_checkpoint(TRUNCATE)', MAKE_AND_DROP, 'take']],
    [
      'grown, shrunk, checkpointed in parts, grown',
      [GROW, EMPTY, 'PRAGMA wal_checkpoint', GROW, EMPTY, MAKE_AND_DROP, 'take'],
    ],
    [
      'grown in two steps with a change set between',
      [MAKE_AND_DROP, 'take', MAKE_AND_DROP, 'take', EMPTY, 'take', GROW],
    ],
  ])('%s', async ([_, steps]) => {
    prepare(4096);
    await bench.followRestored(4096);
    await run(steps);
    await bench.finish();
    expect(bench.difference()).toBeUndefined();
  });

  it.for(['FULL', 'INCREMENTAL'])('by itself, with auto_vacuum = %s', async (mode) => {
    prepare(4096, [`auto_vacuum = ${mode}`]);
    await bench.followRestored(4096);
    const steps = [
      GROW,
      'DELETE FROM history WHERE n % 3 = 1',
      'take',
      'PRAGMA incremental_vacuum',
      'take',
      MAKE_AND_DROP,
    ];
    await run([...steps, 'take', 'DELETE FROM history', 'PRAGMA incremental_vacuum(50)', 'take', GROW]);
    await bench.finish();
    expect(bench.difference()).toBeUndefined();
  });

  it('while rolled back transactions leave their frames in the WAL', async () => {
    prepare(4096);
    await bench.followRestored(4096);
    const spilled = `BEGIN; ${GROW}; ROLLBACK`;
    const nested = `BEGIN; ${GROW}; SAVEPOINT s; UPDATE history SET body = randomblob(9000); ROLLBACK TO s; COMMIT`;
    await run([spilled, 'take', nested, spilled, GROW, 'take', spilled], ['cache_size = 5']);
    await bench.finish();
    expect(bench.difference()).toBeUndefined();
  });
});

describe.for([4096, 65536])('a database that passes 1 GiB with page size %i', (pageSize) => {
  it('never carries the lock page', async () => {
    const blob = (megabytes: number) => `INSERT INTO history VALUES (1, 1, zeroblob(${megabytes} * 1000000))`;
    prepare(pageSize, ['synchronous = OFF'], `${blob(520)}; ${blob(530)}`);
    await bench.followRestored(pageSize);
    await run(
      [blob(40), 'take', `BEGIN; ${blob(30)}; UPDATE history SET n = 2; COMMIT`, 'take'],
      ['synchronous = OFF'],
    );
    await bench.finish();
    expect(bench.replica.taken.at(-1)?.commit).toBeGreaterThan(lockPageNumber(pageSize));
    expect(bench.difference(pageSize)).toBeUndefined();
  });
});
