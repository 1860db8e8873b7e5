import { statSync } from 'node:fs';
import type { DatabaseConfig } from '../../config/config.ts';
import { stagingFolderBeside } from '../../config/folder-database.ts';
import { StationError } from '../../errors.ts';
import type { Log } from '../../observe/log.ts';
import type { ProvenCopy } from '../../restore/restore-options.ts';
import { loadStaging } from '../staging/load-staging.ts';
import { clearLeftovers, makeStagingFolder, type StagingFolder, stagingFolderAt } from '../staging/staging-folder.ts';
import { type StagingLock, tryStagingLock } from '../staging/staging-lock.ts';
import { adoptRestored, restoredChecksumFile } from './adopt-restored.ts';
import { takeWorkFolder } from './take-work-folder.ts';

/** What a restore by hand does beside the database it writes. */
export interface RestorePlace {
  readonly checksumFile: string | undefined;
  adopt(proven: ProvenCopy): Promise<void>;
  close(): Promise<void>;
}

/** Where a restore by hand goes to. */
export interface RestoreGoal {
  readonly output: string;
  /** The database that is restored; undefined for a replica named by its URL. */
  readonly database: DatabaseConfig | undefined;
  /** The one whose place the output is: that one, another of the config, or undefined. */
  readonly owner: DatabaseConfig | undefined;
}

/**
 * Holds off whoever else would write there: another restore, and the process that replicates the database of that path, by
 * whatever spelling of it. A restore to where the config has its database also tells the staging folder where that database
 * stands, so that `restore` and then `run` (as scripts for Litestream do it) goes on at the next TXID instead of meeting a
 * stranger.
 * @throws StationError RESTORE_OUTPUT_EXISTS while one of them is at work; DATA_FOLDER, RESTORE_WRITE, STAGING_FAILED
 */
export async function openRestorePlace(goal: RestoreGoal, log: Log): Promise<RestorePlace> {
  const work = await takeWorkFolder(goal.output);
  let lock: StagingLock | undefined;
  const close = async () => {
    lock?.release();
    await work.release();
  };
  try {
    const { database, owner, output } = goal;
    const isOwn = owner !== undefined && owner.path === database?.path;
    const folder = stagingFolderAt(owner?.stagingFolder ?? stagingFolderBeside(output));
    if (isOwn) await makeStagingFolder(folder);
    lock = isOwn || isThere(folder.lock) ? lockOrRefuse(folder, output) : undefined;
    if (!isOwn) return { checksumFile: undefined, adopt: async () => undefined, close };
    await clearLeftovers(folder);
    const staged = await loadStaging(folder);
    await staged.close();
    const adopt = async (proven: ProvenCopy) => {
      await adoptRestored(folder, staged, proven, log);
    };
    return { checksumFile: restoredChecksumFile(folder), adopt, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws StationError RESTORE_OUTPUT_EXISTS where a process has it */
function lockOrRefuse(folder: StagingFolder, output: string): StagingLock {
  const lock = tryStagingLock(folder.lock);
  if (lock !== undefined) return lock;
  throw new StationError('RESTORE_OUTPUT_EXISTS', `a process replicates ${output}, or restores it`, {
    hint: 'stop that process first, or restore to another file with -o',
  });
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
