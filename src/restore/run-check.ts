import Database from 'better-sqlite3';

/** What SQLite answers, or why it does not. */
export type IntegrityReport =
  | { readonly kind: 'lines'; readonly lines: readonly string[] }
  | { readonly kind: 'error'; readonly code: string; readonly message: string };

/** SQLite's check, on the spot: it returns when it is done. */
export function runCheck(path: string, mode: 'quick' | 'full'): IntegrityReport {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { readonly: true, fileMustExist: true });
    // The quick check goes through every table once; the full one looks rows up, and is slow without its cache.
    if (mode === 'quick') database.pragma('cache_size = -2000');
    const rows: unknown = database.pragma(mode === 'quick' ? 'quick_check(20)' : 'integrity_check(20)');
    const lines = Array.isArray(rows) ? rows.map((row: object) => String(Object.values(row)[0])) : [];
    return { kind: 'lines', lines };
  } catch (error) {
    const code = error instanceof Database.SqliteError ? error.code : 'UNKNOWN';
    return { kind: 'error', code, message: error instanceof Error ? error.message : String(error) };
  } finally {
    database?.close();
  }
}
