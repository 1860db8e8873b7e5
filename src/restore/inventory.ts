import { StationError } from '../errors.ts';
import type { Bytes, Milliseconds, Txid } from '../quantities.ts';
import { levelPrefix, parseLtxKey } from '../storage/key-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** One LTX file of a replica, as its name and the listing tell; nothing of it has been read. */
export interface ReplicaFile {
  readonly key: string;
  readonly level: number;
  readonly minTxid: Txid;
  readonly maxTxid: Txid;
  readonly size: Bytes;
  readonly lastModified: Milliseconds;
}

/** What a replica holds. */
export interface Inventory {
  /** Every LTX file: by level, then TXID. */
  readonly files: readonly ReplicaFile[];
  /** The highest TXID any file's name claims; 0 where there is none. */
  readonly newestListed: Txid;
  /**
   * Backups in a form that is not read here, found where there is no LTX file: such a place is not empty
   * (safety rule 1), even though nothing of it can be restored.
   */
  readonly unreadable: UnreadableBackup | undefined;
}

/** LTX files under the key layout of another kind of store. */
export type UnreadableBackup = 'other-layout';

const LEVELS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

/**
 * Lists a replica: one request per thousand files, all levels in one listing. Names that are not LTX files are skipped.
 * @throws what `store.list` throws
 */
export async function takeInventory(store: ObjectStore, signal: AbortSignal): Promise<Inventory> {
  const files: ReplicaFile[] = [];
  for await (const object of store.list(commonPrefix(store), { signal })) {
    const name = parseLtxKey(store.layout, object.key);
    if (name === undefined) continue;
    files.push({ ...name, key: object.key, size: object.size, lastModified: object.lastModified });
  }
  files.sort((a, b) => a.level - b.level || a.minTxid - b.minTxid || a.maxTxid - b.maxTxid);
  const newestListed = files.reduce((newest, file) => Math.max(newest, file.maxTxid), 0) as Txid;
  const unreadable = files.length === 0 ? await findUnreadable(store, signal) : undefined;
  return { files, newestListed, unreadable };
}

/** The longest prefix all levels share: `ltx/` in folders, `000` on S3. */
function commonPrefix(store: ObjectStore): string {
  return LEVELS.map((level) => levelPrefix(store.layout, level)).reduce((common, prefix) => {
    let length = 0;
    while (length < common.length && common[length] === prefix[length]) length += 1;
    return common.slice(0, length);
  });
}

async function findUnreadable(store: ObjectStore, signal: AbortSignal): Promise<UnreadableBackup | undefined> {
  const other = store.layout === 'folder' ? 's3' : 'folder';
  for (const level of [0, 9]) {
    const isLtx = { test: (key: string) => parseLtxKey(other, key) !== undefined };
    if (await holdsMatch(store, levelPrefix(other, level), isLtx, signal)) return 'other-layout';
  }
  return undefined;
}

/** Looks at the first page of the listing at most: foreign prefixes may hold anything. */
async function holdsMatch(
  store: ObjectStore,
  prefix: string,
  pattern: { test(key: string): boolean },
  signal: AbortSignal,
): Promise<boolean> {
  let looked = 0;
  for await (const object of store.list(prefix, { signal })) {
    if (pattern.test(object.key)) return true;
    looked += 1;
    if (looked === 1000) return false;
  }
  return false;
}

/** The error for a replica whose files have the names of another kind of store. */
export function otherLayoutError(url: string): StationError {
  return new StationError('RESTORE_NO_SOUND_COPY', `${url} holds LTX files under the names of another kind of store`, {
    hint: 'in folders the files are ltx/0/…, on S3 0000/…: rename them, or give this replica a path of its own',
  });
}
