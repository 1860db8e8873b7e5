import { isStationError } from '../../errors.ts';
import { wordOf } from './errors.ts';
import type { AzureSession } from './session.ts';

const PARALLEL_DELETES = 8;

/**
 * Deletes one by one: on Azure a deletion costs nothing, in a batch or not, and a SAS of one container allows no batch.
 * A key that is not there is no error.
 */
export async function deleteBlobs(
  session: AzureSession,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const left = keys.values();
  const worker = async () => {
    for (const key of left) await deleteBlob(session, key, signal);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_DELETES, keys.length) }, worker));
}

async function deleteBlob(session: AzureSession, key: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await session.send(
      (client, abort) => client.getBlobClient(session.root + key).delete(abort),
      session.operationOn('delete', key),
      signal,
    );
  } catch (error) {
    if (isStationError(error, 'STORAGE_NOT_FOUND') && wordOf(error.cause) === 'BlobNotFound') return;
    throw error;
  }
}
