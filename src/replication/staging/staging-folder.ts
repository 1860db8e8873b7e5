import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StationError } from '../../errors.ts';
import { makeFolder } from '../../make-folder.ts';

/**
 * The folder beside the database that holds what is captured and not yet everywhere.
 * `ltx/0` is Litestream's own local layout; the files of `station/` are ours alone.
 */
export interface StagingFolder {
  readonly root: string;
  readonly level0: string;
  readonly snapshots: string;
  readonly position: string;
  readonly pageChecksums: string;
  readonly lock: string;
  readonly spill: string;
  /** Merged files and snapshots on their way, and merged files that are to be merged again. */
  readonly levels: string;
  /** The random name by which this disk is known in leases. */
  readonly instance: string;
  /** What stood here when all of it was in every replica. */
  readonly completeEnd: string;
  /** Where this process can be asked, unless the config names another place. */
  readonly socket: string;
}

/** @param root the config's `meta-path`, or `.<database name>-litestream` beside the database */
export function stagingFolderAt(root: string): StagingFolder {
  const own = join(root, 'station');
  return {
    root,
    level0: join(root, 'ltx', '0'),
    snapshots: join(root, 'ltx', '9'),
    position: join(own, 'position.json'),
    pageChecksums: join(own, 'page-checksums'),
    lock: join(own, 'lock'),
    spill: join(own, 'spill'),
    levels: join(own, 'levels'),
    instance: join(own, 'instance'),
    completeEnd: join(own, 'complete-end.json'),
    socket: join(own, 'control'),
  };
}

/**
 * Makes the folder and all it needs.
 * @throws StationError DATA_FOLDER where that is not possible
 */
export async function makeStagingFolder(staging: StagingFolder): Promise<void> {
  try {
    await makeFolder(staging.level0);
    await makeFolder(staging.snapshots);
    await makeFolder(dirname(staging.position));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StationError('DATA_FOLDER', `cannot make the staging folder ${staging.root}: ${reason}`, { cause });
  }
}

/** Removes what a killed process left half-written. Call it only with the staging lock held. */
export async function clearLeftovers(staging: StagingFolder): Promise<void> {
  await rm(staging.spill, { recursive: true, force: true });
  await mkdir(staging.spill, { recursive: true });
  for (const folder of [staging.level0, staging.snapshots, dirname(staging.position)]) {
    const names = await readdir(folder);
    const leftovers = names.filter((name) => name.endsWith('.tmp') || name.startsWith(`.${basename(staging.socket)}-`));
    await Promise.all(leftovers.map((name) => rm(join(folder, name), { recursive: true })));
  }
}

/**
 * Moves files into a dated folder beside them: what belongs to a history that does not go on here is never deleted,
 * since it may be the only copy of its commits.
 * @returns the folder, or undefined where there was nothing to keep
 */
export async function setAside(
  staging: StagingFolder,
  paths: readonly string[],
  now: Date,
): Promise<string | undefined> {
  if (paths.length === 0) return undefined;
  const aside = join(staging.root, `set-aside-${now.toISOString().replaceAll(/[:.]/g, '-')}`);
  for (const path of paths) {
    // The level stays in the path: TXID 1 may be there as a level-0 file and as a snapshot.
    const folder = join(aside, basename(dirname(path)));
    await mkdir(folder, { recursive: true });
    await rename(path, join(folder, basename(path)));
  }
  return aside;
}
