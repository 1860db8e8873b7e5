import Database from 'better-sqlite3';
import { beforeAll, describe, expect, it } from 'vitest';
import { Workbench } from './support/workbench.ts';
import { available, buildGoWriter, goWriter } from './support/writers.ts';

/** Station opens SQLite through Go's modernc driver, with no busy timeout: whatever we lock, it sees. */
describe.skipIf(!available('go'))('the application’s own driver', () => {
  beforeAll(() => buildGoWriter(), 300_000);

  it.for([
    { burst: 1, pause: 100 },
    { burst: 10, pause: 20 },
    { burst: 50, pause: 50 },
  ])('never meets SQLITE_BUSY: $burst commits every $pause ms', async ({ burst, pause }) => {
    const bench = new Workbench();
    const db = new Database(bench.path);
    db.pragma('journal_mode = WAL');
    db.exec(
      'CREATE TABLE counter(id TEXT PRIMARY KEY, mark TEXT); CREATE TABLE history(id TEXT, n INTEGER, body BLOB)',
    );
    db.close();
    await bench.followRestored(4096);
    const [result] = await bench.takeWhile([goWriter(bench.path, { id: 'go', milliseconds: 3_000, burst, pause })]);
    await bench.finish();
    expect(result).toMatchObject({ exit: 0, errors: '', busy: 0 });
    expect(bench.count.gaps).toEqual([]);
    expect(bench.count.last('go')).toBe(result?.n);
    expect(bench.difference()).toBeUndefined();
    bench.dispose();
  });
});
