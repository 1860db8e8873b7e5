import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import type { IntegrityReport } from './integrity-check.ts';

/** The body of the worker thread of `checkIntegrity`: one check, one message. */
const { path, mode, priority } = workerData as {
  readonly path: string;
  readonly mode: 'quick' | 'full';
  readonly priority?: 'low';
};

/** On Linux a thread has a niceness of its own. Elsewhere it would be the whole process that gives way. */
function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), constants.priority.PRIORITY_LOW);
  } catch {
    // No /proc: the check runs all the same.
  }
}

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

if (priority === 'low') giveWay();
parentPort?.postMessage(runCheck());
