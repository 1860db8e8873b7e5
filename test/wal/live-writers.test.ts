import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Workbench } from './support/workbench.ts';
import { available, nodeWriter, pythonWriter, shellWriter, type Writer } from './support/writers.ts';

/** A database as a restore leaves it, with the tables that every writer uses. */
function prepare(bench: Workbench, pragmas: readonly string[] = []): void {
  const db = new Database(bench.path);
  for (const pragma of pragmas) db.pragma(pragma);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE counter(id TEXT PRIMARY KEY, mark TEXT); CREATE TABLE history(id TEXT, n INTEGER, body BLOB)');
  db.close();
}

describe('a writer in another process', () => {
  let bench: Workbench;
  beforeEach(() => {
    bench = new Workbench();
    prepare(bench);
  });
  afterEach(() => bench.dispose());

  it.for([8, 20, 50])('commits 2,000 times a second, pausing %i ms, and never meets SQLITE_BUSY', async (pause) => {
    await bench.followRestored(4096);
    const [result] = await bench.takeWhile([nodeWriter(bench.path, { burst: pause * 2, pause, milliseconds: 2500 })]);
    await bench.finish();
    expect(bench.count.gaps).toEqual([]);
    expect(bench.count.last('w')).toBe(result?.n);
    expect(result).toMatchObject({ busy: 0, exit: 0 });
    expect(bench.difference()).toBeUndefined();
    expect(bench.leftovers()).toEqual([]);
  });

  it('commits once in 100 ms', async () => {
    await bench.followRestored(4096);
    const [result] = await bench.takeWhile([nodeWriter(bench.path, { burst: 1, pause: 100, milliseconds: 2500 })], 150);
    await bench.finish();
    expect(bench.count.gaps).toEqual([]);
    expect(bench.count.last('w')).toBe(result?.n);
    expect(result?.busy).toBe(0);
    expect(bench.difference()).toBeUndefined();
  });

  it('never pauses: the WAL is kept from growing without end', async () => {
    await bench.followRestored(4096, { forcedFrames: 2_000 });
    const [result] = await bench.takeWhile([
      nodeWriter(bench.path, { burst: 1, pause: 0, milliseconds: 5000, timeout: 1000 }),
    ]);
    await bench.finish();
    expect(bench.count.gaps).toEqual([]);
    expect(bench.count.last('w')).toBe(result?.n);
    expect(bench.difference()).toBeUndefined();
  });

  it('is killed between writing a commit frame and publishing it: that frame is not taken for committed', async () => {
    await bench.followRestored(4096);
    for (let round = 0; round < 8; round += 1) {
      const writer = nodeWriter(bench.path, { burst: 50, pause: 0, pragmas: ['synchronous = FULL'], report: true });
      const taking = bench.takeWhile([writer]);
      await sleep(150 + 20 * round);
      writer.process.kill('SIGKILL');
      await taking;
    }
    const [result] = await bench.takeWhile([nodeWriter(bench.path, { burst: 1, transactions: 5 })]);
    await bench.finish();
    expect(bench.count.gaps).toEqual([]);
    expect(bench.count.last('w')).toBe(result?.n);
    expect(bench.difference()).toBeUndefined();
  });
});

describe('several writers at once, with everything SQLite offers', () => {
  it('loses no transaction of any of them', async () => {
    const bench = new Workbench();
    prepare(bench);
    await bench.followRestored(4096);
    const milliseconds = 8_000;
    const wild = (id: string, seed: number) =>
      nodeWriter(bench.path, { id, wild: seed, burst: 5, pause: 3, milliseconds, timeout: 5_000, report: true });
    const writers: Writer[] = [wild('a', 1), wild('b', 2)];
    if (available('python3')) writers.push(pythonWriter(bench.path, { id: 'py', milliseconds }));
    const victims = killInTurn(bench, milliseconds);
    const shell = available('sqlite3') ? shellInTurn(bench, milliseconds) : Promise.resolve(0);
    const results = await bench.takeWhile(writers, 10);
    await victims;
    const shellTransactions = await shell;
    await bench.finish();
    expect(results.map((result) => [result.exit, result.errors])).toEqual(results.map(() => [0, '']));
    expect(bench.count.gaps).toEqual([]);
    expect(['a', 'b', 'py'].slice(0, results.length).map((id) => bench.count.last(id))).toEqual(
      results.map(({ n }) => n),
    );
    expect(bench.count.last('sh')).toBe(shellTransactions);
    expect(bench.count.last('k')).toBeGreaterThan(0);
    expect(bench.difference()).toBeUndefined();
    bench.dispose();
  });
});

/** One writer after the other is killed in the middle of its work. */
async function killInTurn(bench: Workbench, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end - 1_000) {
    const victim = nodeWriter(bench.path, { id: 'k', wild: Math.floor(end), burst: 3, pause: 1, timeout: 5_000 });
    await sleep(700);
    victim.process.kill('SIGKILL');
    await victim.ended;
  }
}

/** The sqlite3 shell every 150 ms; answers how many of its transactions were committed. */
async function shellInTurn(bench: Workbench, milliseconds: number): Promise<number> {
  const end = performance.now() + milliseconds;
  let n = 0;
  while (performance.now() < end) {
    const mark = `@@sh:${String(n + 1).padStart(9, '0')}@@`;
    const { exit } = await shellWriter(bench.path, `INSERT OR REPLACE INTO counter VALUES ('sh', '${mark}')`).ended;
    if (exit === 0) n += 1;
    await sleep(150);
  }
  return n;
}
