import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import type { IntegrityReport } from './integrity-check.ts';

/** The body of the worker thread of `checkIntegrity`: one check, one message. */
const { path, mode } = workerData as { readonly path: string; readonly mode: 'quick' | 'full' };

function runCheck(): IntegrityReport {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { readonly: true, fileMustExist: true });
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

parentPort?.postMessage(runCheck());
