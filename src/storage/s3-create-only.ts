import { isStationError, StationError } from '../errors.ts';
import { bodyFromBytes, readBody } from './object-body.ts';
import type { ObjectBody, PutOptions } from './object-store.ts';
import { statusOf, wordOf } from './s3-errors.ts';
import { listObjects } from './s3-listing.ts';
import type { ConditionSupport, S3Provider } from './s3-providers.ts';
import type { S3Session } from './s3-session.ts';
import type { S3StoreSettings } from './s3-settings.ts';

/** What a second put costs at most, in bytes; larger objects leave the question open. */
const SMALL = 64 * 1024;
const MOST_TRIALS = 3;

/** What is known of how a store takes create-only puts: from the table of providers at first, then from what it does. */
export interface CreateOnlyKnowledge {
  readonly support: ConditionSupport;
  learn(support: ConditionSupport, why: string): void;
  /** Whether to send an object a second time to find out; counts the trials. */
  tryIt(size: number): boolean;
}

export function startCreateOnlyKnowledge(provider: S3Provider, settings: S3StoreSettings): CreateOnlyKnowledge {
  let support: ConditionSupport = settings.emulateCreateOnly ? provider.createOnly : 'unknown';
  let trials = 0;
  const tell = (why: string) => {
    if (support === 'ignored' || support === 'refused') settings.unableToFence?.(why);
  };
  tell(`${provider.name} ${support === 'ignored' ? 'ignores' : 'refuses'} create-only puts`);
  return {
    get support() {
      return support;
    },
    learn: (learnt, why) => {
      if (learnt === support) return;
      support = learnt;
      tell(why);
    },
    tryIt: (size) => {
      if (support !== 'unknown' || settings.unableToFence === undefined || size > SMALL) return false;
      trials += 1;
      return trials <= MOST_TRIALS;
    },
  };
}

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
