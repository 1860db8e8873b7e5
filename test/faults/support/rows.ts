import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import Database from 'better-sqlite3';

/** One commit that the application was told of. */
export interface Acknowledged {
  readonly n: number;
  /** Which run of the application made it: after a wipe the same number may come again, as another row. */
  readonly life: string;
  readonly time: number;
}

export function readAcknowledged(path: string): readonly Acknowledged[] {
  if (!existsSync(path)) return [];
  // A kill may cut the last line short; its commit is then as good as not acknowledged.
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith(']'))
    .map((line) => {
      const [n, life, time] = JSON.parse(line) as [number, string, number];
      return { n, life, time };
    });
}

/** What a database holds: the run that made each row, by number − 1. */
export interface Rows {
  readonly lives: readonly string[];
}

/**
 * Reads the application's table out of a database file nobody else has open, and proves it sound: SQLite's full check,
 * every row's own checksum, no number twice, none missing.
 */
export function readSoundRows(path: string): Rows {
  if (!existsSync(path)) return { lives: [] };
  const database = new Database(path);
  try {
    const findings = database.pragma('integrity_check', { simple: true });
    if (findings !== 'ok') throw new Error(`${path} is damaged: ${String(findings)}`);
    const isThere = database.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'row'").pluck().get() === 1;
    if (!isThere) return { lives: [] };
    const lives: string[] = [];
    for (const row of database.prepare('SELECT * FROM row ORDER BY n').iterate() as Iterable<StoredRow>) {
      if (row.n !== lives.length + 1) throw new Error(`${path}: after row ${lives.length} comes row ${row.n}`);
      const sum = createHash('sha256').update(`${row.n}`).update(row.body).digest('hex');
      if (sum !== row.sum) throw new Error(`${path}: row ${row.n} is damaged`);
      lives.push(row.life);
    }
    return { lives };
  } finally {
    database.close();
  }
}

interface StoredRow {
  readonly n: number;
  readonly life: string;
  readonly body: Buffer;
  readonly sum: string;
}

/** The first acknowledged row that these lack; undefined if they hold all. */
export function firstMissing(rows: Rows, acknowledged: readonly Acknowledged[]): Acknowledged | undefined {
  return acknowledged.find(({ n, life }) => rows.lives[n - 1] !== life);
}
