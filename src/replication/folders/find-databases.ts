import { join } from 'node:path';
import type { DatabaseFolderConfig } from '../../config/config.ts';
import { StationError } from '../../errors.ts';
import { makeFolder } from '../../make-folder.ts';
import type { Log } from '../../observe/log.ts';
import type { ReplicationSettings } from '../replication-settings.ts';
import { findInReplicas } from './find-in-replicas.ts';
import { RestoreMark } from './restore-mark.ts';
import { scanFolder } from './scan-folder.ts';

/**
 * The databases that a folder has at the start: relative paths. On an empty disk they are those that its replicas hold; the
 * mark is set then, and is to be cleared when all are restored. Else what is there is all: a database that was deleted
 * stays deleted.
 * @param isElsewhere whether a file, by its absolute path, has an entry of its own
 * @param leftAlone told of files that the pattern means and that are no databases
 * @throws StationError DATA_FOLDER, RESTORE_UNREACHABLE; CONFIG_VALUE where there is none, and none would be noticed later
 */
export async function findDatabases(
  folder: DatabaseFolderConfig,
  settings: ReplicationSettings,
  isElsewhere: (path: string) => boolean,
  leftAlone: (relativePath: string, why: string) => void,
  signal: AbortSignal,
  log: Log,
): Promise<readonly string[]> {
  const isOwn = (relativePath: string) => !isElsewhere(join(folder.path, relativePath));
  await makeDataFolder(folder.path);
  const here = scanFolder(folder);
  for (const [path, why] of here.passedOver) leftAlone(path, why);
  const present = here.databases.filter(isOwn);
  const mark = new RestoreMark(folder.path);
  const isUnfinished = mark.isSet;
  if (present.length > 0 && !isUnfinished) return present;
  if (isUnfinished) log.info('the last start did not restore all databases: looking for the rest');
  const replicated = await findInReplicas(folder, settings.restore, settings.restoreTimeout, signal, log);
  const all = [...new Set([...present, ...replicated.filter(isOwn)])].sort();
  if (all.length > present.length) {
    log.info('restoring the databases of the folder', { databases: all.length - present.length });
    await mark.set();
  }
  if (all.length === 0) reportNone(folder, log);
  return all;
}

/** Where nobody watches, a database that the command makes later would be replicated only after the next start. */
function reportNone({ path, pattern, discovery, template }: DatabaseFolderConfig, log: Log): void {
  if (discovery === 'always') {
    log.info('no database is there yet, and none in the replicas');
    return;
  }
  const message = `${template.where}: no file of ${path} matches ${pattern}, and no replica holds one`;
  throw new StationError('CONFIG_VALUE', message, {
    hint: 'add "watch: true" to replicate databases that the command makes; without it they would have no copy',
  });
}

async function makeDataFolder(path: string): Promise<void> {
  try {
    await makeFolder(path);
  } catch (cause) {
    throw new StationError('DATA_FOLDER', `cannot make the data folder ${path}: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
