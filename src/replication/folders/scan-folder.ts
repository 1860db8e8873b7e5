import { closeSync, type Dirent, lstatSync, openSync, readdirSync, readSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseFolderConfig } from '../../config/config.ts';
import { isMeant, isStagingName } from '../../config/folder-database.ts';
import { StationError } from '../../errors.ts';
import { readSqliteHeader, SQLITE_HEADER_SIZE } from '../../restore/sqlite-header.ts';

export interface FolderScan {
  /** Relative paths of the databases, in order. */
  readonly databases: readonly string[];
  /** Files that the pattern means and that are no databases: relative path, and why. */
  readonly passedOver: ReadonlyMap<string, string>;
  /** The folder, and its subfolders where they count: relative paths. */
  readonly folders: readonly string[];
}

/** What must not be opened: closing any descriptor of a file drops the locks that this process has on it. */
export interface HeldDatabases {
  /** By relative path: it is a database. */
  has(relativePath: string): boolean;
  /** By its identity: followed under another name. */
  isHeld(file: Stats): boolean;
}

/** At the top of a volume, and nobody's but the file system check's: others cannot even read it. */
const OF_THE_FILE_SYSTEM = 'lost+found';

const nothingHeld: HeldDatabases = { has: () => false, isHeld: () => false };

/**
 * Looks for databases. A folder that is not there holds none; no link is followed.
 * @throws StationError DATA_FOLDER where the folder, or what is in it, cannot be read
 */
export function scanFolder(folder: DatabaseFolderConfig, held = nothingHeld): FolderScan {
  try {
    return scan(folder, held);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StationError('DATA_FOLDER', `${folder.path} cannot be searched for databases: ${reason}`, { cause });
  }
}

function scan(folder: DatabaseFolderConfig, held: HeldDatabases): FolderScan {
  const databases: string[] = [];
  const passedOver = new Map<string, string>();
  const folders = [''];
  // Grows while it is gone through.
  for (const inner of folders) {
    for (const entry of entriesOf(join(folder.path, inner))) {
      const path = inner === '' ? entry.name : `${inner}/${entry.name}`;
      if (entry.isDirectory()) {
        const isOthers = isStagingName(entry.name) || path === OF_THE_FILE_SYSTEM;
        if (folder.depth === 'with-subfolders' && !isOthers) folders.push(path);
      } else if (isMeant(folder, path)) {
        const wrong = held.has(path) ? undefined : whyNoDatabase(join(folder.path, path), held);
        if (wrong === undefined) databases.push(path);
        else passedOver.set(path, wrong);
      }
    }
  }
  return { databases: databases.sort(), passedOver, folders };
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

function whyNoDatabase(path: string, held: HeldDatabases): string | undefined {
  let status: Stats;
  try {
    status = lstatSync(path);
  } catch (error) {
    if (isAbsence(error)) return 'it is gone';
    throw error;
  }
  if (status.isSymbolicLink()) return 'it is a link: list what it names under a path of its own';
  if (!status.isFile()) return 'it is not a file';
  if (held.isHeld(status)) return 'it is another name of a database that is replicated already';
  if (status.size === 0) return 'it is empty';
  return hasSqliteHeader(path) ? undefined : 'it is not a SQLite database';
}

function hasSqliteHeader(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const start = Buffer.alloc(SQLITE_HEADER_SIZE);
    const size = readSync(file, start, 0, SQLITE_HEADER_SIZE, 0);
    return readSqliteHeader(start.subarray(0, size)) !== undefined;
  } finally {
    closeSync(file);
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
