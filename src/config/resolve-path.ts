import { join, resolve } from 'node:path';

export interface Folders {
  readonly workingDirectory: string;
  readonly homeDirectory: string;
}

/** An absolute path: `~` is the home directory, what is relative starts in the working directory, as in Litestream. */
export function resolvePath(path: string, folders: Folders): string {
  if (path === '~') return folders.homeDirectory;
  if (path.startsWith('~/')) return join(folders.homeDirectory, path.slice(2));
  return resolve(folders.workingDirectory, path);
}

/** The same for a database, which may be written as an application's connection string: `sqlite:///data/station.db`. */
export function resolveDatabasePath(path: string, folders: Folders): string {
  return resolvePath(path.replace(/^sqlite3?:\/\//, ''), folders);
}
