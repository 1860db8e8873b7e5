import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { StationError } from '../../errors.ts';
import type { ObjectStore, ReadRange } from '../object-store.ts';
import type { FileStoreOptions } from '../store-options.ts';
import { deleteStates, fileConditional } from './conditional.ts';
import { errnoOf, fileStoreError } from './errors.ts';
import { listFolder } from './listing.ts';
import { createFilePublisher } from './publish.ts';

const CHUNK_SIZE = 64 * 1024;
const PARALLEL_DELETES = 16;

/**
 * A replica in a folder, which is made by the first put.
 *
 * Names that end in `.tmp` are files being written, or what a killed process left of one: never listed, and swept a day later.
 * Nor are folders that end in `.states` listed: they are part of the object beside them.
 */
export function openFileStore(options: FileStoreOptions): ObjectStore {
  const root = options.path;
  const publish = createFilePublisher();
  return {
    url: `file://${root}`,
    layout: 'folder',
    put: (key, body, putOptions) => mapped(() => publish(pathOf(root, key), body, putOptions), putOptions.signal),
    get: (key, getOptions = {}) => readObject(pathOf(root, key), getOptions.range, getOptions.signal),
    list: (prefix, listOptions = {}) => listFolder(root, prefix, listOptions),
    delete: (keys, signal) => mapped(() => deleteFiles(root, keys, signal), signal),
    conditional: (key) => fileConditional(root, pathOf(root, key), publish),
    close: async () => {},
  };
}

async function mapped(operation: () => Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  try {
    signal?.throwIfAborted();
    await operation();
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : fileStoreError(error);
  }
}

/** Keys come from our own layout, so one that leads out of the root is a bug here. */
function pathOf(root: string, key: string): string {
  const segments = key.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new StationError('INTERNAL', `not a key: ${JSON.stringify(key)}`);
  }
  return join(root, ...segments);
}

async function* readObject(
  path: string,
  range: ReadRange | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    signal?.throwIfAborted();
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const end = Math.min(range?.end ?? size, size);
      if (range !== undefined && range.start >= size) throw rangePastEnd(path, range.start, size);
      for (let position = range?.start ?? 0; position < end; ) {
        signal?.throwIfAborted();
        const chunk = Buffer.allocUnsafe(Math.min(CHUNK_SIZE, end - position));
        const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
        if (bytesRead === 0) throw new StationError('STORAGE_BROKEN', `${path} became shorter while it was read`);
        yield chunk.subarray(0, bytesRead);
        position += bytesRead;
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : fileStoreError(error);
  }
}

/** The same word S3 uses, so that both say the same. */
function rangePastEnd(path: string, start: number, size: number): StationError {
  return new StationError('STORAGE_BROKEN', `InvalidRange: ${path} holds ${size} bytes, none at ${start}`);
}

async function deleteFiles(root: string, keys: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const paths = keys.map((key) => pathOf(root, key));
  for (let first = 0; first < paths.length; first += PARALLEL_DELETES) {
    signal?.throwIfAborted();
    await Promise.all(paths.slice(first, first + PARALLEL_DELETES).map(deleteFile));
  }
}

/** As on S3, deleting what is not there is no error. */
async function deleteFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  await deleteStates(path);
}
