import { isStationError } from '../../errors.ts';
import { faultPoint } from '../../fault-points.ts';
import { ltxKey } from '../../storage/key-layout.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { HeldFile } from '../levels/held-files.ts';

/** As many as one request of S3 takes. */
const BATCH = 1000;

/**
 * Deletes objects in batches, in the order given.
 * @param gone is told each batch that the store says it has deleted
 * @param admit is asked before each batch
 * @throws what the store and `admit` throw; what was not told of may be there still
 */
export async function deleteObjects<T>(
  store: ObjectStore,
  objects: readonly T[],
  nameOf: (object: T) => string,
  gone: (batch: readonly T[]) => void,
  admit: () => Promise<unknown>,
  signal: AbortSignal,
): Promise<void> {
  for (let first = 0; first < objects.length; first += BATCH) {
    const batch = objects.slice(first, first + BATCH);
    await admit();
    faultPoint('before-delete');
    await deleteBatch(store, batch.map(nameOf), signal);
    faultPoint('after-delete');
    gone(batch);
  }
}

/** Some stores tell of a deletion that was not done: what is left is found by looking, and tried again. */
async function deleteBatch(store: ObjectStore, keys: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    await store.delete(keys, signal);
  } catch (error) {
    if (!isStationError(error, 'STORAGE_BROKEN')) throw error;
  }
}

/** What a look after deletions came to. */
export interface Leftovers {
  /** How many were there, of those that the store had said were deleted. */
  readonly found: number;
  /** The keys of those that are there although they were deleted twice. */
  readonly left: readonly string[];
}

/**
 * Looks whether deleted objects are gone, and tries once more with those that are not.
 * @param admit is asked before each batch
 * @throws what the store and `admit` throw
 */
export async function makeSureTheyAreGone(
  store: ObjectStore,
  deleted: readonly string[],
  admit: () => Promise<unknown>,
  signal: AbortSignal,
): Promise<Leftovers> {
  const found = await findAmong(store, deleted, signal);
  if (found.length === 0) return { found: 0, left: [] };
  await deleteObjects(
    store,
    found,
    (key) => key,
    () => undefined,
    admit,
    signal,
  );
  return { found: found.length, left: await findAmong(store, found, signal) };
}

/** Those keys that a listing shows: one request or two for each folder, where they have really gone. */
async function findAmong(store: ObjectStore, keys: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  const byFolder = Map.groupBy(keys, (key) => key.slice(0, key.lastIndexOf('/') + 1));
  const found: string[] = [];
  for (const [prefix, inFolder] of byFolder) {
    const wanted = new Set(inFolder);
    const sorted = [...inFolder].sort();
    const [first = '', last = ''] = [sorted[0], sorted.at(-1)];
    // Just before the first: what is longer comes later.
    for await (const { key } of store.list(prefix, { startAfter: first.slice(0, -1), signal })) {
      if (key > last) break;
      if (wanted.has(key)) found.push(key);
    }
  }
  return found;
}

export function keyOf(store: ObjectStore, { level, minTxid, maxTxid }: HeldFile): string {
  return ltxKey(store.layout, level, minTxid, maxTxid);
}
