import Database from 'better-sqlite3';

export interface Row {
  readonly id: number;
  readonly text: string;
  readonly addedAt: string;
}

export interface Rows {
  /** Commits a row and returns its number. */
  add(text: string): number;
  latest(limit: number): readonly Row[];
  count(): number;
  close(): void;
}

/** The table of the sample app, in a database in WAL mode, which is what replication reads. */
export function openRows(path: string): Rows {
  const database = new Database(path, { timeout: 5000 });
  database.pragma('journal_mode = WAL');
  database.exec(
    'CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, text TEXT NOT NULL, added_at TEXT DEFAULT CURRENT_TIMESTAMP)',
  );
  const insert = database.prepare('INSERT INTO rows (text) VALUES (?)');
  const select = database.prepare('SELECT id, text, added_at AS addedAt FROM rows ORDER BY id DESC LIMIT ?');
  const count = database.prepare('SELECT count(*) FROM rows').pluck();
  return {
    add: (text) => Number(insert.run(text).lastInsertRowid),
    latest: (limit) => select.all(limit) as Row[],
    count: () => count.get() as number,
    close: () => void database.close(),
  };
}
