import { randomBytes } from 'node:crypto';
import { link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { syncFolder } from '../../durable-file.ts';
import { StationError } from '../../errors.ts';
import { makeFolder } from '../../make-folder.ts';
import { readBody } from '../object-body.ts';
import type { ObjectBody, PutOptions } from '../object-store.ts';
import { errnoOf } from './errors.ts';
import { TEMPORARY_SUFFIX } from './names.ts';

const LEFTOVER_AGE = 24 * 3600 * 1000;
const CLAIM_AGE = 30_000;
const CLAIM_RETRY = 50;

export type FilePublisher = (path: string, body: ObjectBody, options: PutOptions) => Promise<void>;

/**
 * Puts files so that each name holds nothing or everything, at every instant and after a power loss.
 * Also sweeps, once per folder and process, temporary files that killed processes left there.
 */
export function createFilePublisher(): FilePublisher {
  const prepared = new Set<string>();
  return async (path, body, options) => {
    const folder = dirname(path);
    if (!prepared.has(folder)) {
      await prepareFolder(folder);
      prepared.add(folder);
    }
    const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}${TEMPORARY_SUFFIX}`;
    try {
      await writeTemporary(temporary, body, options).catch((error: unknown) => {
        prepared.delete(folder);
        throw error;
      });
      if (options.createOnly) await createFinal(temporary, path, options.signal);
      else await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
    await syncFolder(folder);
  };
}

/** Stock Litestream reads a file's time from its mtime; it is set before the fsync, which makes both durable. */
export async function writeTemporary(
  path: string,
  body: ObjectBody,
  options: Pick<PutOptions, 'timestamp' | 'signal'>,
): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for await (const chunk of readBody(body)) {
      options.signal?.throwIfAborted();
      await file.writeFile(chunk);
    }
    if (options.timestamp !== undefined) {
      const time = new Date(options.timestamp);
      await file.utimes(time, time);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What link() says where the file system has no hard links, or no more of them. */
export const NO_HARD_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** link() is create-only and atomic at once; rename() would replace. */
async function createFinal(temporary: string, path: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'EEXIST') throw alreadyExists(path, error);
    if (!NO_HARD_LINKS.has(errno)) throw error;
    await createFinalByClaim(temporary, path, signal);
  }
}

/**
 * For file systems without hard links (SMB shares such as Azure Files, FAT, some FUSE mounts): whoever makes the
 * claim file may look and rename. Its holder needs milliseconds; one that is half a minute old has lost its process.
 */
export async function createFinalByClaim(
  temporary: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const claim = `${path}.claim${TEMPORARY_SUFFIX}`;
  while (!(await makeClaim(claim))) {
    await pause(CLAIM_RETRY, undefined, signal === undefined ? {} : { signal });
  }
  try {
    if (await exists(path)) throw alreadyExists(path, undefined);
    await rename(temporary, path);
  } finally {
    await rm(claim, { force: true });
  }
}

async function makeClaim(claim: string): Promise<boolean> {
  try {
    await (await open(claim, 'wx')).close();
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    const age = await ageOf(claim);
    if (age !== undefined && age > CLAIM_AGE) await rm(claim, { force: true });
    return false;
  }
}

function alreadyExists(path: string, cause: unknown): StationError {
  return new StationError('STORAGE_ALREADY_EXISTS', `EEXIST: file already exists, '${path}'`, { cause });
}

async function exists(path: string): Promise<boolean> {
  return (await ageOf(path)) !== undefined;
}

/** Milliseconds since the inode changed (which, unlike mtime, nobody can set); undefined where there is no file. */
async function ageOf(path: string): Promise<number | undefined> {
  try {
    return Date.now() - (await stat(path)).ctimeMs;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes the folder durably, and sweeps what killed processes left there a day ago. */
export async function prepareFolder(folder: string): Promise<void> {
  await makeFolderDurably(folder);
  await sweepLeftovers(folder);
}

/** A folder made a moment ago is itself a name that a power loss can take back, with all it holds. */
async function makeFolderDurably(folder: string): Promise<void> {
  const firstMade = await makeFolder(folder);
  if (firstMade === undefined) return;
  const top = dirname(firstMade);
  for (let at = folder; ; at = dirname(at)) {
    await syncFolder(at);
    if (at === top) return;
  }
}

async function sweepLeftovers(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(TEMPORARY_SUFFIX));
  for (const name of names) {
    const path = join(folder, name);
    const age = await ageOf(path);
    if (age !== undefined && age > LEFTOVER_AGE) await rm(path, { recursive: true, force: true });
  }
}
