import { type FileHandle, open } from 'node:fs/promises';
import { StationError } from '../errors.ts';
import { type Bytes, bytes } from '../quantities.ts';
import { readSqliteHeader, SQLITE_HEADER_SIZE } from './sqlite-header.ts';

/** What is at the database's path. */
export type LocalDatabase =
  | { readonly kind: 'absent' }
  /** A file without a byte, as `touch` or an interrupted start leaves one: counts as absent. */
  | { readonly kind: 'zero-byte' }
  | { readonly kind: 'database'; readonly size: Bytes; readonly pageSize: number };

/**
 * Looks at the database file. Restores, ours and stock Litestream's, work under another name and rename, so a file that
 * is there is never half of one; whatever is neither empty nor a database is a person's to judge, and never overwritten.
 *
 * Call it before any SQLite connection of this process opens the file: closing a descriptor drops its locks.
 * @throws StationError DATABASE_INVALID for another kind of file, or one shorter than a page; DATA_FOLDER where it cannot
 *   be read
 */
export async function inspectLocalDatabase(path: string): Promise<LocalDatabase> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return { kind: 'absent' };
    throw unreadable(path, cause);
  }
  try {
    const found = await file.stat();
    if (!found.isFile()) throw invalid(`${path} is not a file`);
    if (found.size === 0) return { kind: 'zero-byte' };
    const start = Buffer.alloc(SQLITE_HEADER_SIZE);
    const { bytesRead } = await file.read(start, 0, SQLITE_HEADER_SIZE, 0);
    const header = readSqliteHeader(start.subarray(0, bytesRead));
    if (header === undefined) throw invalid(`${path} is not a SQLite database`);
    if (found.size < header.pageSize) throw invalid(`${path} ends after ${found.size} bytes, within its first page`);
    return { kind: 'database', size: bytes(found.size), pageSize: header.pageSize };
  } catch (cause) {
    throw cause instanceof StationError ? cause : unreadable(path, cause);
  } finally {
    await file.close();
  }
}

function invalid(message: string): StationError {
  return new StationError('DATABASE_INVALID', message, {
    hint: 'move it aside to have the database restored in its place',
  });
}

function unreadable(path: string, cause: unknown): StationError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StationError('DATA_FOLDER', `${path} cannot be read: ${reason}`, { cause });
}
