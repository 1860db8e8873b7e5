import type { Dirent } from 'node:fs';
import { access, constants, lstat, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StationError } from '../../errors.ts';
import { bytes, milliseconds } from '../../quantities.ts';
import type { ObjectInfo } from '../object-store.ts';
import { errnoOf, fileStoreError } from './errors.ts';
import { STATES_SUFFIX, TEMPORARY_SUFFIX } from './names.ts';

const PARALLEL_STATS = 32;

interface ListOptions {
  readonly startAfter?: string;
  readonly signal?: AbortSignal;
}

interface Entry {
  readonly key: string;
  readonly kind: 'folder' | 'file';
}

/** Objects below `root` whose key begins with `prefix`, in key order (by UTF-16 code unit; our keys are ASCII). */
export async function* listFolder(root: string, prefix: string, options: ListOptions): AsyncGenerator<ObjectInfo> {
  try {
    options.signal?.throwIfAborted();
    const folderKey = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    if (!(await rootExists(root))) return;
    yield* walk(root, folderKey, prefix, options);
  } catch (error) {
    throw options.signal?.aborted === true ? options.signal.reason : fileStoreError(error);
  }
}

/**
 * Whether the root is there. One that is missing counts as holding nothing only where it could be made: its nearest
 * existing ancestor is a folder this process may write to, and no link on the way leads nowhere. Otherwise the volume
 * is not mounted (yet), and an unreachable replica must not be taken for an empty one (safety rule 1).
 */
export async function rootExists(root: string): Promise<boolean> {
  if (await isThere(root)) return true;
  let ancestor = dirname(root);
  for (let path = root; ; path = dirname(path)) {
    if (await isDanglingLink(path)) {
      throw new StationError('STORAGE_UNREACHABLE', `ENOENT: '${path}' is a link to something that is not there`, {
        hint: 'mount the volume that holds the replica',
      });
    }
    ancestor = dirname(path);
    if (ancestor === path || (await isThere(ancestor))) break;
  }
  await access(ancestor, constants.W_OK | constants.X_OK).catch((cause: unknown) => {
    throw new StationError(
      'STORAGE_UNREACHABLE',
      `${errnoOf(cause) ?? 'ENOENT'}: '${root}' does not exist and cannot be made`,
      { cause, hint: 'mount the volume that holds the replica, or make the folder for this user' },
    );
  });
  return false;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Called only for paths that stat() did not find. */
async function isDanglingLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function* walk(
  root: string,
  folderKey: string,
  prefix: string,
  options: ListOptions,
): AsyncGenerator<ObjectInfo> {
  const entries = (await entriesOf(root, folderKey)).filter((entry) => matters(entry, prefix, options.startAfter));
  for (let first = 0; first < entries.length; first += PARALLEL_STATS) {
    options.signal?.throwIfAborted();
    const batch = entries.slice(first, first + PARALLEL_STATS);
    const infos = await Promise.all(
      batch.map((entry) => (entry.kind === 'file' ? infoOf(root, entry.key) : undefined)),
    );
    for (const [index, entry] of batch.entries()) {
      const info = infos[index];
      if (entry.kind === 'folder') yield* walk(root, entry.key, prefix, options);
      else if (info !== undefined) yield info;
    }
  }
}

/** What a folder holds, in the order of whole keys: a folder `a` comes as `a/`, after a file `a-b`. */
async function entriesOf(root: string, folderKey: string): Promise<readonly Entry[]> {
  let found: Dirent[];
  try {
    found = await readdir(join(root, folderKey), { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  return found
    .flatMap((item): Entry[] => {
      if (item.name.endsWith(TEMPORARY_SUFFIX)) return [];
      if (item.isDirectory()) {
        return item.name.endsWith(STATES_SUFFIX) ? [] : [{ key: `${folderKey}${item.name}/`, kind: 'folder' }];
      }
      return item.isFile() || item.isSymbolicLink() ? [{ key: `${folderKey}${item.name}`, kind: 'file' }] : [];
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

function matters(entry: Entry, prefix: string, startAfter: string | undefined): boolean {
  const insidePrefix = entry.key.startsWith(prefix) || (entry.kind === 'folder' && prefix.startsWith(entry.key));
  if (!insidePrefix || startAfter === undefined) return insidePrefix;
  return entry.key > startAfter || (entry.kind === 'folder' && startAfter.startsWith(entry.key));
}

/** Undefined where it was deleted since, or is not a file. */
async function infoOf(root: string, key: string): Promise<ObjectInfo | undefined> {
  try {
    const found = await stat(join(root, key));
    if (!found.isFile()) return undefined;
    return { key, size: bytes(found.size), lastModified: milliseconds(Math.round(found.mtimeMs)) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
