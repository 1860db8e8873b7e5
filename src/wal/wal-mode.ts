import { isBusy, openConnection } from './sqlite-connection.ts';

/**
 * Turns a database that holds at least one page to WAL mode; false if that is not possible now.
 *
 * Never an empty one: that would fix its page size and auto_vacuum before the application chooses them. And never
 * with a busy timeout: the application may have none either, so we come back later instead of queueing for its lock.
 */
export function turnToWal(path: string): boolean {
  const connection = openConnection(path);
  try {
    return connection.pragma('journal_mode = WAL', { simple: true }) === 'wal';
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  } finally {
    connection.close();
  }
}
