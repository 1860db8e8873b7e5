import Database from 'better-sqlite3';
import { StationError } from '../../errors.ts';
import { wait } from '../../waiting.ts';
import { spareMemory } from '../../wal/sqlite-connection.ts';

/** Held until closed, or until the process dies, however it dies. */
export interface StagingLock {
  release(): void;
}

/** How often a waiting supervisor tries again, in milliseconds. */
const RETRY_INTERVAL = 200;

/**
 * Takes the lock that makes this process the only supervisor of a database file, waiting for its holder to end.
 *
 * Node has no fcntl locks, but SQLite has: an exclusive transaction on a file of its own is a lock that works
 * wherever the database itself would, shared volumes included, and that the kernel drops with its process.
 *
 * @param waiting called once, if another process holds it
 * @throws StationError STAGING_FAILED where the file cannot be opened; the signal's reason on abort
 */
export async function takeStagingLock(path: string, waiting: () => void, signal: AbortSignal): Promise<StagingLock> {
  let told = false;
  for (;;) {
    signal.throwIfAborted();
    const lock = tryStagingLock(path);
    if (lock !== undefined) return lock;
    if (!told) waiting();
    told = true;
    await wait(RETRY_INTERVAL, signal);
  }
}

/** The lock if nobody holds it, else undefined, at once. */
export function tryStagingLock(path: string): StagingLock | undefined {
  let connection: Database.Database | undefined;
  try {
    connection = new Database(path, { timeout: 0 });
    spareMemory(connection);
    connection.pragma('journal_mode = MEMORY');
    connection.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    connection?.close();
    if (isBusy(cause)) return undefined;
    throw new StationError('STAGING_FAILED', `cannot lock ${path}: ${String(cause)}`, { cause });
  }
  const held = connection;
  return { release: () => held.close() };
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}
