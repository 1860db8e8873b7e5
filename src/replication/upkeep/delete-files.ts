import { isStationError } from '../../errors.ts';
import { faultPoint } from '../../fault-points.ts';
import { levelPrefix, ltxKey, parseLtxKey } from '../../storage/key-layout.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { HeldFile } from '../levels/held-files.ts';

/** As many as one request of S3 takes. */
const BATCH = 1000;

/**
 * Deletes files in batches, in the order given.
 * @param gone is told each batch that the store says it has deleted
 * @throws what the store throws; what was not told of may be there still
 */
export async function deleteFiles(
  store: ObjectStore,
  files: readonly HeldFile[],
  gone: (batch: readonly HeldFile[]) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let first = 0; first < files.length; first += BATCH) {
    const batch = files.slice(first, first + BATCH);
    faultPoint('before-delete');
    try {
      await store.delete(
        batch.map((file) => keyOf(store, file)),
        signal,
      );
    } catch (error) {
      // Some stores tell of a deletion that was not done: what is left is found by looking, and tried again.
      if (!isStationError(error, 'STORAGE_BROKEN')) throw error;
    }
    faultPoint('after-delete');
    gone(batch);
  }
}

/**
 * Looks whether deleted files are gone, and tries once more with those that are not.
 * @returns the keys of those that are there even then
 * @throws what the store throws
 */
export async function makeSureTheyAreGone(
  store: ObjectStore,
  deleted: readonly HeldFile[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const left = await findAmong(
    store,
    deleted.map((file) => keyOf(store, file)),
    signal,
  );
  if (left.length === 0) return left;
  for (let first = 0; first < left.length; first += BATCH) {
    await store.delete(left.slice(first, first + BATCH), signal).catch((error: unknown) => {
      if (!isStationError(error, 'STORAGE_BROKEN')) throw error;
    });
  }
  return await findAmong(store, left, signal);
}

/** Those keys that a listing shows: one request or two for each level, where they have really gone. */
async function findAmong(store: ObjectStore, keys: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  const byLevel = Map.groupBy(keys, (key) => parseLtxKey(store.layout, key)?.level ?? 0);
  const found: string[] = [];
  for (const [level, ofLevel] of byLevel) {
    const wanted = new Set(ofLevel);
    const sorted = [...ofLevel].sort();
    const [first = '', last = ''] = [sorted[0], sorted.at(-1)];
    const prefix = levelPrefix(store.layout, level);
    // Just before the first: the keys of a level have one length, and a shorter one comes earlier.
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
