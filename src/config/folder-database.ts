import { basename, dirname, join, posix, relative, sep } from 'node:path';
import type { StoreOptions } from '../storage/store-options.ts';
import type { DatabaseConfig, DatabaseFolderConfig } from './config.ts';
import { compileFilePattern } from './file-pattern.ts';

/** A database of a folder: the folder's settings, with its relative path added to each place, as Litestream has it. */
export function databaseIn(folder: DatabaseFolderConfig, relativePath: string): DatabaseConfig {
  return {
    ...folder.template,
    path: join(folder.path, relativePath),
    stagingFolder: stagingFolderIn(folder, relativePath),
    replicas: folder.template.replicas.map((replica) => ({ ...replica, store: placeIn(replica.store, relativePath) })),
  };
}

/** The staging folder of a database whose config names no other place. */
export function stagingFolderBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}-litestream`);
}

/** The folder as if it were one database, for what concerns the settings of all in it: secrets, replicas left out. */
export function folderAsDatabase(folder: DatabaseFolderConfig): DatabaseConfig {
  return { ...folder.template, path: folder.path, stagingFolder: folder.path };
}

/** A pattern is compiled once, and asked for every file of every look. */
const compiled = new WeakMap<DatabaseFolderConfig, RegExp | undefined>();

function patternOf(folder: DatabaseFolderConfig): RegExp | undefined {
  if (!compiled.has(folder)) compiled.set(folder, compileFilePattern(folder.pattern));
  return compiled.get(folder);
}

/** Whether a file of this path, relative to the folder, is meant: one of the pattern, and none of SQLite's or ours. */
export function isMeant(folder: DatabaseFolderConfig, relativePath: string): boolean {
  if (folder.depth === 'this-folder' && relativePath.includes('/')) return false;
  if (relativePath.split('/').some((part) => part === '' || part === '.' || part === '..')) return false;
  if (dirname(relativePath).split('/').some(isStagingName)) return false;
  const name = basename(relativePath);
  return !isCompanionName(name) && patternOf(folder)?.test(name) === true;
}

/** The path relative to the folder, if the folder means it. */
export function relativeIn(folder: DatabaseFolderConfig, path: string): string | undefined {
  const relativePath = relative(folder.path, path).split(sep).join('/');
  return isMeant(folder, relativePath) ? relativePath : undefined;
}

/** A folder that belongs to a database, and holds none: for staging, or for a restore under way. */
export function isStagingName(name: string): boolean {
  return name.endsWith('-litestream') || (name.startsWith('.') && name.endsWith('-restore'));
}

/** What SQLite keeps beside a database, what was moved aside, and what is not published yet. */
function isCompanionName(name: string): boolean {
  return /(-wal|-shm|-journal|\.tmp)$|\.(set-aside|before-restore)-\d{4}/.test(name);
}

function placeIn(store: StoreOptions, relativePath: string): StoreOptions {
  if (store.type === 'file') return { ...store, path: join(store.path, relativePath) };
  return { ...store, path: store.path === '' ? relativePath : posix.join(store.path, relativePath) };
}

function stagingFolderIn({ path, staging }: DatabaseFolderConfig, relativePath: string): string {
  const [folder, name] = [dirname(relativePath), basename(relativePath)];
  switch (staging.kind) {
    case 'beside':
      return stagingFolderBeside(join(path, relativePath));
    case 'meta-path':
      return join(staging.root, folder, `.${name}-litestream`);
    case 'meta-dir':
      return join(staging.root, folder, `${name}-litestream`);
  }
}
