import { closeSync, fstatSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { StationError } from '../errors.ts';
import { Checkpointer } from './checkpointer.ts';
import { type FileIdentity, identityOf, identityOfDescriptor, sameFile } from './database-file.ts';
import { isBusy, ReadConnection } from './sqlite-connection.ts';
import { readWalIndex, type WalIndex } from './wal-index.ts';

const INDEX_PATIENCE = 2_000;

/**
 * Our connections to one database file in WAL mode, and one descriptor each of it, its WAL and its wal-index.
 *
 * Closing any descriptor of the database file or the wal-index drops every lock this process has on it (POSIX), so
 * they are opened once, after the connections, and closed after them. A read transaction is held from the first
 * moment on.
 */
export class AttachedDatabase {
  readonly path: string;
  readonly identity: FileIdentity;
  readonly checkpointer: Checkpointer;
  readonly databaseFile: number;
  readonly walFile: number;
  readonly #indexFile: number;
  #older: ReadConnection;
  #newer: ReadConnection;

  private constructor(path: string, connections: Connections, files: Files) {
    this.path = path;
    this.#older = connections.older;
    this.#newer = connections.newer;
    this.checkpointer = connections.checkpointer;
    this.databaseFile = files.database;
    this.walFile = files.wal;
    this.#indexFile = files.index;
    this.identity = identityOfDescriptor(files.database);
  }

  /** Connects and takes the read mark; undefined if the database is busy, gone, or was replaced meanwhile. */
  static attach(path: string): AttachedDatabase | undefined {
    const before = identityOf(path);
    if (before === undefined) return undefined;
    const undo: (() => void)[] = [];
    try {
      const connections = connect(path, undo);
      if (connections !== undefined) {
        const files = openFiles(path, undo);
        const attached = new AttachedDatabase(path, connections, files);
        const sound = attached.indexIfReadable() !== undefined;
        if (sound && sameFile(before, attached.identity) && !attached.isReplaced()) return attached;
      }
      for (const step of undo) step();
      return undefined;
    } catch (error) {
      for (const step of undo) step();
      if (isBusy(error) || !sameFile(before, identityOf(path))) return undefined;
      throw error;
    }
  }

  /** The state of the WAL now; undefined while a writer is publishing a commit, or was killed doing so. */
  indexIfReadable(): WalIndex | undefined {
    return readWalIndex(this.#indexFile);
  }

  /** The state of the WAL now. Throws CAPTURE_FAILED if the wal-index cannot be read at this moment. */
  index(): WalIndex {
    const index = this.indexIfReadable();
    if (index === undefined) throw unreadable(this.path);
    return index;
  }

  /** The state of the WAL as soon as it can be read. A writer killed while it wrote is repaired by any reader of SQLite's. */
  async readableIndex(): Promise<WalIndex> {
    for (let waited = 0; waited < INDEX_PATIENCE; waited += 1) {
      const index = this.indexIfReadable();
      if (index !== undefined) return index;
      await delay(1);
      this.checkpointer.read();
    }
    throw unreadable(this.path);
  }

  /** True if the path no longer names the file that is followed. */
  isReplaced(): boolean {
    return !sameFile(this.identity, identityOf(this.path));
  }

  fileSize(): number {
    return fstatSync(this.databaseFile).size;
  }

  /** First half of a leap: the newer reader takes its mark. False if SQLite is busy. */
  beginLeap(): boolean {
    return this.#newer.begin();
  }

  /** Second half, only when every frame up to the newer reader's mark has been copied: lets go of the older one. */
  endLeap(): void {
    this.#older.end();
    [this.#older, this.#newer] = [this.#newer, this.#older];
  }

  abandonLeap(): void {
    this.#newer.end();
  }

  /**
   * Closes the connections; if they are the last, SQLite checkpoints and removes the WAL. The descriptors stay
   * readable, an unlinked WAL too. The reader that holds the mark goes last.
   */
  disconnect(): void {
    this.checkpointer.close();
    this.#newer.close();
    this.#older.close();
  }

  closeFiles(): void {
    closeSync(this.walFile);
    closeSync(this.#indexFile);
    closeSync(this.databaseFile);
  }

  close(): void {
    this.disconnect();
    this.closeFiles();
  }
}

interface Connections {
  readonly older: ReadConnection;
  readonly newer: ReadConnection;
  readonly checkpointer: Checkpointer;
}

interface Files {
  readonly database: number;
  readonly wal: number;
  readonly index: number;
}

/** `undo` is filled in the order in which things must be closed again: connections before descriptors. */
function connect(path: string, undo: (() => void)[]): Connections | undefined {
  const older = new ReadConnection(path);
  undo.push(() => older.close());
  if (!older.begin()) return undefined;
  const newer = new ReadConnection(path);
  undo.push(() => newer.close());
  const checkpointer = new Checkpointer(path);
  undo.push(() => checkpointer.close());
  return { older, newer, checkpointer };
}

function openFiles(path: string, undo: (() => void)[]): Files {
  const open = (name: string): number => {
    const file = openSync(name, 'r');
    undo.push(() => closeSync(file));
    return file;
  };
  return { database: open(path), wal: open(`${path}-wal`), index: open(`${path}-shm`) };
}

function unreadable(path: string): StationError {
  return new StationError('CAPTURE_FAILED', `the wal-index of ${path} is unreadable`);
}
