import { DeleteObjectCommand, DeleteObjectsCommand } from '@aws-sdk/client-s3';
import { isStationError, StationError } from '../../errors.ts';
import { type S3Operation, s3Error, statusOf, wordOf } from './errors.ts';
import { listObjects } from './listing.ts';
import type { S3Session } from './session.ts';

const MOST_KEYS = 1000;
const PARALLEL_DELETES = 8;

/**
 * Deletes in batches. A key that is not there is no error; one that could not be deleted is, even if all others were.
 * Where a store is known to say that it deleted what it keeps, one list afterwards tells.
 * @throws StationError STORAGE_BROKEN naming the first key that is still there
 */
export async function deleteObjects(
  session: S3Session,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let first = 0; first < keys.length; first += MOST_KEYS) {
    const batch = keys.slice(first, first + MOST_KEYS);
    try {
      await deleteBatch(session, batch, signal);
    } catch (error) {
      if (!isUnknownOperation(error)) throw error;
      await deleteOneByOne(session, batch, signal);
    }
    if (session.endpoint.provider.verifyDeletes) await checkGone(session, batch, signal);
  }
}

async function checkGone(session: S3Session, keys: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const sorted = [...keys].sort();
  const [first = '', last = ''] = [sorted[0], sorted.at(-1)];
  const deleted = new Set(sorted);
  let shared = 0;
  while (shared < first.length && first[shared] === last[shared]) shared += 1;
  const options = signal === undefined ? {} : { signal };
  for await (const { key } of listObjects(session, first.slice(0, shared), options)) {
    if (key > last) return;
    if (!deleted.has(key)) continue;
    const url = `s3://${session.options.bucket}/${session.fullKey(key)}`;
    throw new StationError('STORAGE_BROKEN', `${url} was deleted, and is still there`, {
      hint: `${session.endpoint.provider.name} answers such deletions with success; they are tried again`,
    });
  }
}

const operationOn = (session: S3Session): S3Operation => ({ permission: 's3:DeleteObject', url: session.url });

async function deleteBatch(
  session: S3Session,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const command = new DeleteObjectsCommand({
    Bucket: session.options.bucket,
    Delete: { Quiet: true, Objects: keys.map((key) => ({ Key: session.fullKey(key) })) },
  });
  const operation = operationOn(session);
  const answer = await session.send((client, abort) => client.send(command, abort), operation, signal);
  const failed = (answer.Errors ?? []).filter((error) => error.Code !== 'NoSuchKey');
  const example = failed[0];
  if (example === undefined) return;
  const text = `${example.Message ?? ''} (${failed.length} of ${keys.length} objects, first ${example.Key ?? '?'})`;
  throw s3Error(Object.assign(new Error(text), perKeyError(example.Code ?? 'InternalError')), operation);
}

/** The error of one key inside a 200 carries a word and no status of its own. */
function perKeyError(word: string) {
  return { name: word, $metadata: { httpStatusCode: word === 'AccessDenied' ? 403 : 500 } };
}

/** Google's S3 interface, among others, knows no DeleteObjects. */
function isUnknownOperation(error: unknown): boolean {
  if (!isStationError(error)) return false;
  return statusOf(error.cause) === 501 || ['NotImplemented', 'MethodNotAllowed'].includes(wordOf(error.cause));
}

async function deleteOneByOne(
  session: S3Session,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let first = 0; first < keys.length; first += PARALLEL_DELETES) {
    const group = keys.slice(first, first + PARALLEL_DELETES).map((key) => {
      const command = new DeleteObjectCommand({ Bucket: session.options.bucket, Key: session.fullKey(key) });
      return session.send((client, abort) => client.send(command, abort), operationOn(session), signal);
    });
    await Promise.all(group);
  }
}
