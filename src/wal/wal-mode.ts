import type Database from 'better-sqlite3';
import { isBusy, openConnection } from './sqlite-connection.ts';

/**
 * Turns a database that holds at least one page to WAL mode; false if that is not possible now.
 *
 * Never an empty one: that would fix its page size and auto_vacuum before the application chooses them. And never
 * with a busy timeout: the application may have none either, so we come back later instead of queueing for its lock.
 */
export function turnToWal(path: string): boolean {
  let connection: Database.Database | undefined;
  try {
    connection = openConnection(path);
    // It rewrites the header's two version bytes in place. Waiting for the disk three times would only make it likelier
    // that the application finds its database locked; whichever version a power failure leaves is a sound one.
    connection.pragma('synchronous = OFF');
    return connection.pragma('journal_mode = WAL', { simple: true }) === 'wal';
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  } finally {
    connection?.close();
  }
}
