import type Database from 'better-sqlite3';
import { isBusy, openConnection } from './sqlite-connection.ts';

/** How a checkpoint ended: `complete` if every committed frame is in the database file now. */
export type CheckpointOutcome = 'complete' | 'partial' | 'busy';

/** The third connection, which copies frames into the database file, and the fourth, which stops writers for a moment. */
export class Checkpointer {
  readonly #path: string;
  readonly #connection: Database.Database;
  #writeLock: Database.Database | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#connection = openConnection(path);
  }

  /** Any read: SQLite then rebuilds a wal-index that a killed writer left half written. */
  read(): void {
    try {
      this.#connection.pragma('schema_version');
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
  }

  /** `busy` must be looked at first: while another process checkpoints, `log` equals `checkpointed` at −1. */
  passive(): CheckpointOutcome {
    let rows: unknown;
    try {
      rows = this.#connection.pragma('wal_checkpoint(PASSIVE)');
    } catch (error) {
      if (isBusy(error)) return 'busy';
      throw error;
    }
    const [row] = rows as { busy: number; log: number; checkpointed: number }[];
    if (row === undefined || row.busy !== 0) return 'busy';
    return row.log === row.checkpointed ? 'complete' : 'partial';
  }

  /** Runs `work` while no other process can write; false, without running it, if a writer is at it. */
  withWritersStopped(work: () => void): boolean {
    let lock: Database.Database;
    try {
      this.#writeLock ??= openConnection(this.#path);
      lock = this.#writeLock;
      lock.exec('BEGIN IMMEDIATE');
    } catch (error) {
      if (isBusy(error)) return false;
      throw error;
    }
    try {
      work();
    } finally {
      lock.exec('ROLLBACK');
    }
    return true;
  }

  close(): void {
    this.#connection.close();
    this.#writeLock?.close();
  }
}
