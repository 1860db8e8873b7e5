import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../../durable-file.ts';
import { StationError } from '../../errors.ts';
import { checkSmall, inAnotherState, readSmall, versionOf } from '../conditional-object.ts';
import { bodyFromBytes } from '../object-body.ts';
import type { ConditionalObject, ObjectVersion, VersionedObject } from '../object-store.ts';
import { errnoOf, fileStoreError } from './errors.ts';
import { rootExists } from './listing.ts';
import { STATES_SUFFIX, TEMPORARY_SUFFIX } from './names.ts';
import { type FilePublisher, NO_HARD_LINKS, prepareFolder, writeTemporary } from './publish.ts';

/** How many states stay: a writer that others overtook by fewer still knows that its write took effect. */
const KEPT = 8;

/** A state by its number; 0: there is none, or only the plain file. */
interface NumberedState {
  readonly number: number;
  readonly object: VersionedObject | undefined;
}

/**
 * Compare-and-swap of a file, without a lock that a stopped or dead process could hold.
 *
 * Each state is a file of its own, `KEY.states/NUMBER`, made whole and durable under a temporary name and then linked,
 * which is create-only and atomic; the highest number is the state. Who saw number n may only make n + 1, so of any
 * number of writers one succeeds.
 *
 * Invariant: number n is removed only by one who saw n + 8 or more, lower ones first, and the highest never. Hence
 * numbers never go down, and a writer stopped before its link that finds its number free again, long after others used
 * it, finds a number beyond n + 8 right afterwards: then, and only then, it cannot tell whether its write took effect.
 *
 * What a kill leaves behind, at any step: a temporary file, swept a day later; a state that was not acknowledged; old
 * states, which the next writer removes. `KEY` itself is a copy of the newest state for people and for Litestream, and
 * may be older until the next write. Without any state it counts as the first. Deleting is not compared with anything:
 * it is for objects that nobody writes any more.
 */
export function fileConditional(root: string, path: string, publish: FilePublisher): ConditionalObject {
  const folder = path + STATES_SUFFIX;
  let prepared = false;

  async function write(bytes: Uint8Array, expected: ObjectVersion | undefined, signal: AbortSignal | undefined) {
    checkSmall(path, bytes);
    const { number, object } = await readNewest(path, signal);
    if (object?.version !== expected) throw inAnotherState(path);
    if (!prepared || number === 0) await prepareFolder(folder);
    prepared = true;
    await createState(folder, number + 1, bytes, signal).catch((error: unknown) => {
      prepared = false;
      throw error;
    });
    await syncFolder(folder);
    const newest = await removeOldStates(folder);
    if (newest > number + KEPT) {
      throw new StationError('STORAGE_UNREACHABLE', `${path} was written ${newest - number} times meanwhile`, {
        hint: 'this process was stopped in the middle of a write: whether it took effect is not known',
      });
    }
    await copyNewest(path, { number: number + 1, bytes }, newest, publish);
    return versionIn(number + 1, bytes);
  }

  return {
    read: (signal) =>
      mapped(signal, async () => {
        const { object } = await readNewest(path, signal);
        // A volume that is not mounted holds no lease either, and must not be taken for a replica without one.
        if (object === undefined) await rootExists(root);
        return object;
      }),
    write: (bytes, expected, signal) => mapped(signal, () => write(bytes, expected, signal)),
  };
}

async function mapped<Result>(signal: AbortSignal | undefined, operation: () => Promise<Result>): Promise<Result> {
  try {
    signal?.throwIfAborted();
    return await operation();
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : fileStoreError(error);
  }
}

/** Read twice, because a list that is not made at one instant could miss both a state and those that replaced it. */
async function readNewest(path: string, signal: AbortSignal | undefined): Promise<NumberedState> {
  const folder = path + STATES_SUFFIX;
  for (;;) {
    signal?.throwIfAborted();
    const number = await newestNumber(folder);
    const object = await readState(number === 0 ? path : statePath(folder, number), number);
    const gone = number > 0 && object === undefined;
    if (!gone && (await newestNumber(folder)) === number) return { number, object };
  }
}

async function newestNumber(folder: string): Promise<number> {
  return (await numbersIn(folder)).at(-1) ?? 0;
}

/** In ascending order. */
async function numbersIn(folder: string): Promise<readonly number[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => /^\d{16}$/.test(name))
      .sort()
      .map(Number);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

const statePath = (folder: string, number: number): string => join(folder, String(number).padStart(16, '0'));

async function readState(path: string, number: number): Promise<VersionedObject | undefined> {
  try {
    const inFolder = number > 0 && (await stat(path)).isDirectory();
    const file = await open(inFolder ? join(path, IN_FOLDER) : path, 'r');
    try {
      const bytes = await readSmall(path, file.createReadStream({ autoClose: false }));
      return { bytes, version: versionIn(number, bytes) };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** With the content, so that a number used again after a deletion is not taken for the one that was there before. */
function versionIn(number: number, bytes: Uint8Array): ObjectVersion {
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return versionOf('', `${number}-${digest}`);
}

async function createState(folder: string, number: number, bytes: Uint8Array, signal: AbortSignal | undefined) {
  const path = statePath(folder, number);
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}${TEMPORARY_SUFFIX}`;
  try {
    await writeTemporary(temporary, bodyFromBytes(bytes), signal === undefined ? {} : { signal });
    signal?.throwIfAborted();
    await linkState(temporary, path);
  } catch (error) {
    // ENOENT: the states were deleted, or this process slept until its temporary file was swept.
    if (['EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'ENOENT'].includes(errnoOf(error) ?? '')) throw inAnotherState(path, error);
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function linkState(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (!NO_HARD_LINKS.has(errnoOf(error) ?? '')) throw error;
    await createStateFolder(temporary, path);
  }
}

const IN_FOLDER = 'state';

/**
 * For file systems without hard links (SMB shares such as Azure Files, FAT, some FUSE mounts): a folder takes the name
 * of a file or of a folder that holds something just as little.
 */
export async function createStateFolder(temporary: string, path: string): Promise<void> {
  const folder = `${temporary.slice(0, -TEMPORARY_SUFFIX.length)}-folder${TEMPORARY_SUFFIX}`;
  await mkdir(folder);
  try {
    await rename(temporary, join(folder, IN_FOLDER));
    await syncFolder(folder);
    await rename(folder, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns the highest number there is */
async function removeOldStates(folder: string): Promise<number> {
  const numbers = await numbersIn(folder);
  const newest = numbers.at(-1) ?? 0;
  for (const number of numbers) {
    if (number > newest - KEPT) break;
    await rm(statePath(folder, number), { recursive: true, force: true });
  }
  return newest;
}

/**
 * Whoever put an older copy over a newer one, having been stopped before, sees it now and puts it right.
 * @param own the state just made; mostly the newest that was listed after it, and then it need not be read again
 */
async function copyNewest(
  path: string,
  own: { readonly number: number; readonly bytes: Uint8Array },
  listed: number,
  publish: FilePublisher,
): Promise<void> {
  for (let known = listed === own.number ? own : undefined; ; known = undefined) {
    const { number, bytes } = known ?? (await readNewestBytes(path));
    if (number === 0 || bytes === undefined) return;
    await publish(path, bodyFromBytes(bytes), { createOnly: false });
    if ((await newestNumber(path + STATES_SUFFIX)) === number) return;
  }
}

async function readNewestBytes(path: string) {
  const { number, object } = await readNewest(path, undefined);
  return { number, bytes: object?.bytes };
}

/** All states at once, whatever is being written. */
export async function deleteStates(path: string): Promise<void> {
  const folder = path + STATES_SUFFIX;
  const gone = `${folder}.${process.pid}-${randomBytes(4).toString('hex')}${TEMPORARY_SUFFIX}`;
  try {
    await rename(folder, gone);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  await rm(gone, { recursive: true, force: true });
}
