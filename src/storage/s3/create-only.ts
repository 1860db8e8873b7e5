import { isStationError, StationError } from '../../errors.ts';
import { bodyFromBytes, readBody } from '../object-body.ts';
import type { ObjectBody, PutOptions } from '../object-store.ts';
import { statusOf, wordOf } from './errors.ts';
import { listObjects } from './listing.ts';
import type { S3Session } from './session.ts';

type Put = (body: ObjectBody, options: PutOptions) => Promise<void>;

/**
 * A create-only put on any store. Where the store ignores or refuses the condition, the key is looked for first: that
 * finds every object that was there before, and cannot stop a writer in the same moment (unable to fence).
 * @throws StationError STORAGE_ALREADY_EXISTS
 */
export async function putCreateOnly(
  session: S3Session,
  key: string,
  body: ObjectBody,
  options: PutOptions,
  put: Put,
): Promise<void> {
  const { createOnly, settings } = session;
  const plainly = async () => {
    await checkAbsent(session, key, options.signal);
    await put(body, { ...options, createOnly: false });
  };
  if (createOnly.support === 'ignored' || createOnly.support === 'refused') return await plainly();
  // Ceph 16 honours the condition for one put, and ignores it where parts are put together.
  const doubtful = settings.emulateCreateOnly && session.endpoint.provider.createOnly !== 'honoured';
  if (doubtful && body.size > settings.partSize) await checkAbsent(session, key, options.signal);
  const trial = createOnly.tryIt(body.size) ? await contentOf(body) : undefined;
  try {
    await put(trial ?? body, options);
  } catch (error) {
    if (!settings.emulateCreateOnly || !isNotImplemented(error)) throw error;
    await plainly();
    createOnly.learn('refused', `${session.url}: the store refuses create-only puts (${wordOf(error.cause)})`);
    return;
  }
  // Beside what goes on: nobody waits for it, and if it does not work out, a later put tries again.
  if (trial !== undefined) void tryAgain(session, trial, options, put);
}

/** The same object once more must be refused now. Where it is not, the same bytes were put over themselves. */
async function tryAgain(session: S3Session, body: ObjectBody, options: PutOptions, put: Put): Promise<void> {
  const { signal: _, ...rest } = options;
  try {
    await put(body, rest);
    session.createOnly.learn('ignored', `${session.url}: the store took a create-only put of a key that was there`);
  } catch (error) {
    // Anything else (the network, the end of this process) says nothing of the store.
    if (isStationError(error, 'STORAGE_ALREADY_EXISTS')) session.createOnly.learn('honoured', '');
  }
}

async function contentOf(body: ObjectBody): Promise<ObjectBody> {
  return bodyFromBytes(Buffer.concat(await Array.fromAsync(readBody(body))));
}

async function checkAbsent(session: S3Session, key: string, signal: AbortSignal | undefined): Promise<void> {
  for await (const object of listObjects(session, key, signal === undefined ? {} : { signal })) {
    if (object.key !== key) continue;
    throw new StationError(
      'STORAGE_ALREADY_EXISTS',
      `PreconditionFailed: s3://${session.options.bucket}/${session.fullKey(key)} is there`,
    );
  }
}

export function isNotImplemented(error: unknown): error is StationError {
  return isStationError(error) && (wordOf(error.cause) === 'NotImplemented' || statusOf(error.cause) === 501);
}
