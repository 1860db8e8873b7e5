import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { isPageSize } from '../page.ts';

/** What lies at the database's path, as far as it can be told without SQLite. */
export type DatabaseFileKind = 'absent' | 'empty' | 'rollback' | 'wal' | 'foreign';

/** Which file a path named at some moment. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
}

const HEADER_SIZE = 100;
const MAGIC = Buffer.from('SQLite format 3\0', 'latin1');

/** The file at `path` now, or undefined if there is none. Safe at any time: `stat` touches no lock. */
export function identityOf(path: string): FileIdentity | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : { device: found.dev, inode: found.ino };
}

export function identityOfDescriptor(file: number): FileIdentity {
  const found = fstatSync(file, { bigint: true });
  return { device: found.dev, inode: found.ino };
}

export function sameFile(one: FileIdentity | undefined, other: FileIdentity | undefined): boolean {
  return one?.device === other?.device && one?.inode === other?.inode;
}

/**
 * Looks at the header's read and write version (1 rollback journal, 2 WAL).
 * Never to be called while this process has a connection to that file: closing the descriptor drops SQLite's locks.
 */
export function inspectUnconnected(path: string): DatabaseFileKind {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent';
    throw error;
  }
  try {
    const header = Buffer.alloc(HEADER_SIZE);
    const length = readSync(file, header, 0, HEADER_SIZE, 0);
    if (length === 0) return 'empty';
    if (length < HEADER_SIZE || !header.subarray(0, 16).equals(MAGIC)) return 'foreign';
    return header[18] === 2 && header[19] === 2 ? 'wal' : 'rollback';
  } finally {
    closeSync(file);
  }
}

/** Page size from a database header; undefined where there is none. Reads through a descriptor that stays open. */
export function pageSizeOf(file: number): number | undefined {
  const header = Buffer.alloc(HEADER_SIZE);
  if (readSync(file, header, 0, HEADER_SIZE, 0) < HEADER_SIZE || !header.subarray(0, 16).equals(MAGIC))
    return undefined;
  const stored = header.readUInt16BE(16);
  const pageSize = stored === 1 ? 65536 : stored;
  return isPageSize(pageSize) ? pageSize : undefined;
}
