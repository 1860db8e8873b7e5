import { statSync } from 'node:fs';
import { rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StationError } from '../../errors.ts';
import { makeFolder } from '../../make-folder.ts';
import { workFolderBeside } from '../../restore/attempt.ts';
import { writeError } from '../../restore/write-error.ts';
import { type StagingLock, tryStagingLock } from '../staging/staging-lock.ts';

export interface WorkFolder {
  /** Also removes the folder, where nothing else is in it. */
  release(): Promise<void>;
}

/** Whoever ends removes the file that others wait to lock: one that was locked and is gone holds nobody off. */
const TRIES = 20;

/**
 * Takes the folder in which a file is restored that is to be published as `output`: two restores in one would write into
 * each other's file. The kernel lets go of it with its process, so what a killed one left is no obstacle.
 * @throws StationError RESTORE_OUTPUT_EXISTS while another restore has it; DATA_FOLDER, RESTORE_WRITE
 */
export async function takeWorkFolder(output: string): Promise<WorkFolder> {
  const folder = workFolderBeside(output);
  const path = join(folder, 'lock');
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const before = await makeLockFile(folder, path);
    if (before === undefined) continue;
    const lock = lockIfThere(path);
    if (lock === 'gone') continue;
    if (lock === undefined) break;
    if ((await inodeOf(path)) === before) return workFolder(folder, path, lock);
    lock.release();
  }
  throw new StationError('RESTORE_OUTPUT_EXISTS', `another restore to ${output} is at work`, {
    hint: 'wait until it has ended, or name another file with -o',
  });
}

function workFolder(folder: string, path: string, lock: StagingLock): WorkFolder {
  return {
    release: async () => {
      await rm(path, { force: true });
      await rmdir(folder).catch(() => undefined);
      lock.release();
    },
  };
}

/** Undefined where another restore has it. */
function lockIfThere(path: string): StagingLock | undefined | 'gone' {
  try {
    return tryStagingLock(path);
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return 'gone';
    throw error;
  }
}

/** @returns its inode; undefined where it has gone at once, with another restore's end */
async function makeLockFile(folder: string, path: string): Promise<number | undefined> {
  try {
    await makeFolder(folder);
  } catch (cause) {
    throw writeError(`the database cannot be restored into ${folder}`, cause);
  }
  try {
    await writeFile(path, '', { flag: 'a' });
    return await inodeOf(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw writeError(`the database cannot be restored into ${folder}`, cause);
  }
}

async function inodeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.ino;
}
