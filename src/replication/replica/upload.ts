import { isStationError, StationError } from '../../errors.ts';
import { faultPoint } from '../../fault-points.ts';
import { ltxKey } from '../../storage/key-layout.ts';
import { bodyFromFile } from '../../storage/object-body.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { StagedFile } from '../staging/staged-files.ts';

/** A file on this disk that is to become an object: a level-0 file, a snapshot, or a merged file. */
export type FileToUpload = Omit<StagedFile, 'level'> & { readonly level: number };

/**
 * Puts one staged file into a replica, created only if absent (rule 3). Where the name is taken, or where the answer
 * got lost, what is there is read back: our own bytes are success, anything else is another writer.
 * @throws StationError FENCED for another writer's file; STORAGE_* as the store says
 */
export async function uploadLtxFile(store: ObjectStore, file: FileToUpload, signal: AbortSignal): Promise<void> {
  const key = ltxKey(store.layout, file.level, file.minTxid, file.maxTxid);
  faultPoint('before-upload');
  try {
    const body = bodyFromFile(file.path, file.size);
    await store.put(key, body, { createOnly: true, timestamp: file.timestamp, signal });
  } catch (error) {
    if (!isStationError(error, 'STORAGE_ALREADY_EXISTS')) throw error;
    if (!(await holdsSameFile(store, key, file, signal))) {
      throw new StationError('FENCED', `${store.url}: another writer has put its own ${key} there`, { cause: error });
    }
  }
  faultPoint('after-upload');
}

/**
 * Whether the object under `key` is `file`, decided by its length and its last 8 bytes: the CRC-64 over the header,
 * every page and the index. Comparing those instead of all bytes keeps the check of a large snapshot to two requests.
 */
async function holdsSameFile(
  store: ObjectStore,
  key: string,
  file: FileToUpload,
  signal: AbortSignal,
): Promise<boolean> {
  for await (const object of store.list(key, { signal })) {
    if (object.key !== key) continue;
    if (object.size !== file.size) return false;
    const parts: Uint8Array[] = [];
    for await (const part of store.get(key, { range: { start: file.size - 8 }, signal })) parts.push(part);
    return Buffer.concat(parts).toString('hex') === file.fileChecksum;
  }
  // Taken a moment ago, and not there now: let the next try find out.
  throw new StationError('STORAGE_UNREACHABLE', `${store.url}: ${key} is said to exist, but is not listed`);
}
