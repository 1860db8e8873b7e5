import { isStationError } from '../../errors.ts';
import { type GcsOperation, isMissingBucket } from './errors.ts';
import type { GcsSession } from './session.ts';

const PARALLEL_DELETES = 32;

/**
 * Deletes, some at a time: GCS has no request for many that its client knows.
 * A key that is not there is no error; one that could not be deleted is, even if all others were.
 */
export async function deleteObjects(
  session: GcsSession,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let first = 0; first < keys.length; first += PARALLEL_DELETES) {
    const group = keys.slice(first, first + PARALLEL_DELETES).map((key) => deleteObject(session, key, signal));
    for (const outcome of await Promise.allSettled(group)) {
      if (outcome.status === 'rejected') throw outcome.reason;
    }
  }
}

async function deleteObject(session: GcsSession, key: string, signal: AbortSignal | undefined): Promise<void> {
  const name = session.fullKey(key);
  const operation: GcsOperation = {
    permission: 'storage.objects.delete',
    url: `gs://${session.options.bucket}/${name}`,
  };
  const address = `${session.objects}/${encodeURIComponent(name)}`;
  await session.ask({ method: 'DELETE', address }, operation, signal).catch((error: unknown) => {
    if (isStationError(error, 'STORAGE_NOT_FOUND') && !isMissingBucket(error.cause)) return;
    throw error;
  });
}
