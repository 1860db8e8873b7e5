import { closeSync, openSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { StationError } from '../errors.ts';
import type { LocalPosition } from '../replication/staging/position-file.ts';
import { inspectUnconnected, pageSizeOf } from '../wal/database-file.ts';
import { SnapshotReader } from '../wal/snapshot.ts';
import { readWalIndex, type WalIndex } from '../wal/wal-index.ts';
import type { WalPosition } from '../wal/wal-position.ts';
import { endOfWal, isProven, sameWal } from '../wal/wal-reader.ts';
import type { PageSource } from './page-digests.ts';

/** Where the WAL stands against a position that was saved. */
export type LiveAnswer =
  /** The state of that position can be read. */
  | { readonly kind: 'state'; readonly source: PageSource }
  /** There are commits that the position does not have, or the WAL cannot tell. */
  | { readonly kind: 'unknown' };

/** Of a database, its WAL and its wal-index. */
type Descriptors = readonly [number, number, number];

/**
 * A database that another process writes to, held by a read transaction of our own: until it is closed, what was in the
 * file when it was opened stays there, and no frame written since leaves the WAL. Read-only; it never blocks a writer.
 *
 * Descriptors are closed after the connection: closing one drops every lock of this process on the file.
 */
export class LiveDatabase {
  readonly #connection: Database.Database;
  readonly #files: Descriptors;

  private constructor(connection: Database.Database, files: Descriptors) {
    this.#connection = connection;
    this.#files = files;
  }

  /** Undefined where there is no database in WAL mode, or none that is open anywhere: see `closedDatabase`. */
  static open(path: string): LiveDatabase | undefined {
    if (inspectUnconnected(path) !== 'wal' || !isOpenSomewhere(path)) return undefined;
    const connection = new Database(path, { readonly: true, fileMustExist: true, timeout: 2_000 });
    const opened: number[] = [];
    try {
      connection.exec('BEGIN');
      connection.pragma('schema_version');
      for (const suffix of ['', '-wal', '-shm']) opened.push(openSync(path + suffix, 'r'));
      const [database = -1, wal = -1, index = -1] = opened;
      return new LiveDatabase(connection, [database, wal, index]);
    } catch (error) {
      connection.close();
      for (const file of opened) closeSync(file);
      throw error;
    }
  }

  /**
   * The state of a position that was saved after this was opened, or that the WAL still ends with. Every frame up to it is
   * in the WAL, and what was backfilled is older.
   */
  async stateAt(position: LocalPosition, saved: 'since-opened' | 'before'): Promise<LiveAnswer> {
    const index = readWalIndex(this.#files[2]);
    if (index === undefined) return { kind: 'unknown' };
    const end = endOfWal(index);
    const { wal, commit } = position;
    if (end === undefined) {
      // Everything is in the file. Without a frame in this WAL nothing tells of commits before it, but one since opened.
      return saved === 'since-opened' ? await this.#read(undefined, position.pageSize, commit) : { kind: 'unknown' };
    }
    if (wal === undefined || !sameWal(wal, end) || !this.#holds(wal, index)) return { kind: 'unknown' };
    if (saved === 'before' && wal.offset !== end.offset) return { kind: 'unknown' };
    return await this.#read(wal, position.pageSize, commit);
  }

  /** Whether commits are in the WAL that a checkpoint has not made it begin anew after. */
  hasFrames(): boolean {
    const index = readWalIndex(this.#files[2]);
    return index === undefined || endOfWal(index) !== undefined;
  }

  #holds(wal: WalPosition, index: WalIndex): boolean {
    return isProven(wal, this.#files[1], index);
  }

  async #read(position: WalPosition | undefined, pageSize: number, commit: number): Promise<LiveAnswer> {
    const [databaseFile, walFile] = this.#files;
    const source = await SnapshotReader.open({ databaseFile, walFile, pageSize, commit, position });
    return { kind: 'state', source };
  }

  close(): void {
    this.#connection.close();
    for (const file of this.#files) closeSync(file);
  }
}

/** A database in WAL mode that is open has a WAL beside it, be it empty. */
function isOpenSomewhere(path: string): boolean {
  const [wal, index] = ['-wal', '-shm'].map((suffix) => statSync(path + suffix, { throwIfNoEntry: false }));
  return wal !== undefined && index !== undefined;
}

/**
 * A database that nobody has open: the file is all of it. Undefined where a WAL is beside it, or it is no database.
 * @throws what opening it throws
 */
export async function withClosedDatabase<T>(
  path: string,
  work: (source: PageSource) => Promise<T>,
): Promise<T | undefined> {
  if (statSync(`${path}-wal`, { throwIfNoEntry: false }) !== undefined) return undefined;
  const kind = inspectUnconnected(path);
  if (kind !== 'wal' && kind !== 'rollback') return undefined;
  const file = openSync(path, 'r');
  try {
    const pageSize = pageSizeOf(file);
    const { size } = statSync(path);
    if (pageSize === undefined || size % pageSize !== 0) {
      throw new StationError('DATABASE_INVALID', `${path} is no whole number of pages`);
    }
    const whole = { databaseFile: file, walFile: -1, pageSize, commit: size / pageSize, position: undefined };
    return await work(await SnapshotReader.open(whole));
  } finally {
    closeSync(file);
  }
}
