import Database from 'better-sqlite3';

/** SQLite's answers that mean "not now": another process is in the way, and asking again later helps. */
export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(error.code);
}

/**
 * A connection with no busy timeout (so this too may throw SQLITE_BUSY): better-sqlite3 is synchronous, and waiting would stop the event loop.
 * Checkpoints run with synchronous=NORMAL: WAL synced before, database file after.
 */
export function openConnection(path: string): Database.Database {
  const connection = new Database(path, { timeout: 0, fileMustExist: true });
  try {
    connection.pragma('synchronous = NORMAL');
    spareMemory(connection);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/**
 * For a connection that reads page 1 at most: without this SQLite keeps room for 20 pages, which comes to a quarter of a
 * megabyte for each database.
 */
export function spareMemory(connection: Database.Database): void {
  connection.pragma('cache_size = 1');
  // What was allocated before the limit was known.
  connection.pragma('shrink_memory');
}

/** One of the two connections that take turns at holding a read transaction. */
export class ReadConnection {
  readonly #connection: Database.Database;
  readonly #begin: Database.Statement;
  readonly #read: Database.Statement;
  readonly #rollback: Database.Statement;

  constructor(path: string) {
    this.#connection = openConnection(path);
    this.#connection.pragma('query_only = ON');
    this.#begin = this.#connection.prepare('BEGIN');
    // A real read, for BEGIN alone takes no mark; and one that needs no schema, which might be one we cannot parse.
    this.#read = this.#connection.prepare('PRAGMA schema_version');
    this.#rollback = this.#connection.prepare('ROLLBACK');
  }

  /** Begins a read transaction; false if SQLite is busy, and then none is open. */
  begin(): boolean {
    this.#begin.run();
    try {
      this.#read.get();
      return true;
    } catch (error) {
      this.end();
      if (isBusy(error)) return false;
      throw error;
    }
  }

  end(): void {
    if (this.#connection.inTransaction) this.#rollback.run();
  }

  close(): void {
    this.#connection.close();
  }
}
