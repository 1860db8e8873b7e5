import type { DatabaseFolderConfig } from '../../config/config.ts';
import { isMeant } from '../../config/folder-database.ts';
import { LEGACY_PREFIX, parseLtxKey } from '../../storage/key-layout.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

/** So many objects of one database are passed over one by one; then the list goes on behind all of them. */
const PASSED_OVER = 200;

/**
 * The databases of which a replica of the whole folder holds something: relative paths, in order. Lists everything
 * below the replica's root, since no store tells where a database begins.
 * @param store at the root that the databases have in common
 * @param heard called at every object: a long list is no silence
 * @throws what the store throws; the signal's reason on abort
 */
export async function findReplicated(
  store: ObjectStore,
  folder: DatabaseFolderConfig,
  signal: AbortSignal,
  heard: () => void = () => undefined,
): Promise<readonly string[]> {
  const found = new Set<string>();
  let startAfter: string | undefined;
  do startAfter = await listOn(store, folder, startAfter, found, signal, heard);
  while (startAfter !== undefined);
  return [...found].sort();
}

/** @returns the key to go on after, where the rest of a long list is of a database that is known; undefined at the end */
async function listOn(
  store: ObjectStore,
  folder: DatabaseFolderConfig,
  startAfter: string | undefined,
  found: Set<string>,
  signal: AbortSignal,
  heard: () => void,
): Promise<string | undefined> {
  let [last, count] = ['', 0];
  for await (const { key } of store.list('', { signal, ...(startAfter !== undefined && { startAfter }) })) {
    heard();
    const path = databaseOf(store, key);
    if (path === undefined || !isMeant(folder, path)) continue;
    found.add(path);
    count = path === last ? count + 1 : 1;
    last = path;
    // `0` comes right after `/`: every key of this database lies before.
    if (count === PASSED_OVER) return `${path}0`;
  }
  return undefined;
}

/** The database that an object belongs to, an LTX file or one of Litestream 0.3's; undefined for any other object. */
function databaseOf({ layout }: ObjectStore, key: string): string | undefined {
  const legacy = key.indexOf(`/${LEGACY_PREFIX}`);
  if (legacy > 0) return key.slice(0, legacy);
  const parts = key.split('/');
  const inner = layout === 'folder' ? 3 : 2;
  if (parts.length <= inner) return undefined;
  const own = parts.slice(-inner).join('/');
  return parseLtxKey(layout, own) === undefined ? undefined : parts.slice(0, -inner).join('/');
}
