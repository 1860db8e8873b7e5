import { type ErrorCode, isStationError } from '../errors.ts';
import type { ConditionalObject, ObjectStore, ObjectVersion } from '../storage/object-store.ts';
import { unableToFence } from './unable-to-fence.ts';

const leaseKey = (key: string): string => `${key}.lease`;
const absentKey = (key: string): string => `${key}.absent`;

/** What the step may leave, to be deleted with the probe's own object. */
export const swapKeys = (key: string): readonly string[] => [leaseKey(key), absentKey(key)];

/** The lease stands on this: only who knows the state an object is in may replace it. */
export async function swapStale(store: ObjectStore, key: string, signal: AbortSignal): Promise<string> {
  const object = store.conditional(leaseKey(key));
  // Each state is another, for stores that name it by its content.
  const state = (word: string) => Buffer.from(`station-entrypoint doctor, ${word} state of ${key}\n`);
  const first = await object.write(state('first'), undefined, signal).catch((error: unknown) => {
    throw unlessRefused(error, 'STORAGE_BROKEN');
  });
  const second = await object.write(state('second'), first, signal).catch((error: unknown) => {
    throw unlessRefused(error, 'STORAGE_BROKEN', 'STORAGE_ALREADY_EXISTS');
  });
  await mustBeRefused(object, state('stale'), first, 'a state that was replaced', signal);
  const read = await object.read(signal);
  if (read?.version !== second || !state('second').equals(read.bytes)) {
    throw unable('the store refused a compare-and-swap, and replaced the object all the same');
  }
  const absent = store.conditional(absentKey(key));
  await mustBeRefused(absent, state('stale'), second, 'an object that is not there', signal);
  return 'stale ones were refused';
}

async function mustBeRefused(
  object: ConditionalObject,
  bytes: Uint8Array,
  expected: ObjectVersion,
  what: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await object.write(bytes, expected, signal);
  } catch (error) {
    if (isStationError(error, 'STORAGE_ALREADY_EXISTS')) return;
    throw error;
  }
  throw unable(`the store took a compare-and-swap of ${what}`);
}

/** Plain puts were taken before: what is refused is the condition. */
function unlessRefused(error: unknown, ...codes: readonly ErrorCode[]): unknown {
  if (!isStationError(error, ...codes)) return error;
  return unable(`the store refuses conditional puts (${error.message})`);
}

function unable(why: string) {
  return unableToFence(
    why,
    'a lease cannot be held here: use --lease=off and never run two instances, or another store',
  );
}
