import type { DatabaseConfig } from '../../config/config.ts';
import { StationError } from '../../errors.ts';
import type { Log } from '../../observe/log.ts';
import type { ProvenCopy } from '../../restore/restore-options.ts';
import { loadStaging } from '../staging/load-staging.ts';
import { clearLeftovers, makeStagingFolder, stagingFolderAt } from '../staging/staging-folder.ts';
import { tryStagingLock } from '../staging/staging-lock.ts';
import { adoptRestored, restoredChecksumFile } from './adopt-restored.ts';

/** What a restore by hand does beside the database it writes. */
export interface RestorePlace {
  readonly checksumFile: string | undefined;
  adopt(proven: ProvenCopy): Promise<void>;
  close(): void;
}

/**
 * A restore to where the config has its database also tells the staging folder where that database stands, so that
 * `restore` and then `run` (as scripts for Litestream do it) goes on at the next TXID instead of meeting a stranger.
 * @throws StationError STAGING_FAILED while a supervisor runs on this database
 */
export async function openRestorePlace(
  output: string,
  database: DatabaseConfig | undefined,
  log: Log,
): Promise<RestorePlace> {
  if (database === undefined || database.path !== output) {
    return { checksumFile: undefined, adopt: async () => undefined, close: () => undefined };
  }
  const folder = stagingFolderAt(database.stagingFolder);
  await makeStagingFolder(folder);
  const lock = tryStagingLock(folder.lock);
  if (lock === undefined) {
    throw new StationError('STAGING_FAILED', `a supervisor is running on ${output}`, {
      hint: 'stop it first, or restore to another file with -o',
    });
  }
  await clearLeftovers(folder);
  const staged = await loadStaging(folder);
  await staged.close();
  return {
    checksumFile: restoredChecksumFile(folder),
    adopt: async (proven) => {
      await adoptRestored(folder, staged, proven, log);
    },
    close: () => lock.release(),
  };
}
