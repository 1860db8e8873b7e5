import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StationError } from '../errors.ts';
import type { Txid } from '../quantities.ts';

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
  /** Where a restore works before it publishes; emptied at every start. */
  readonly restore: string;
}

export function stagingFolderOf(databasePath: string): StagingFolder {
  const root = join(dirname(databasePath), `.${basename(databasePath)}-litestream`);
  const own = join(root, 'station');
  return {
    root,
    level0: join(root, 'ltx', '0'),
    snapshots: join(root, 'ltx', '9'),
    position: join(own, 'position.json'),
    pageChecksums: join(own, 'page-checksums'),
    lock: join(own, 'lock'),
    spill: join(own, 'spill'),
    restore: join(own, 'restore'),
  };
}

/**
 * Makes the folder and all it needs.
 * @throws StationError DATA_FOLDER where that is not possible
 */
export async function makeStagingFolder(staging: StagingFolder): Promise<void> {
  try {
    await mkdir(staging.level0, { recursive: true });
    await mkdir(staging.snapshots, { recursive: true });
    await mkdir(dirname(staging.position), { recursive: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StationError('DATA_FOLDER', `cannot make the staging folder ${staging.root}: ${reason}`, { cause });
  }
}

/** Removes what a killed process left half-written. Call it only with the staging lock held. */
export async function clearLeftovers(staging: StagingFolder): Promise<void> {
  for (const folder of [staging.spill, staging.restore]) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  for (const folder of [staging.level0, staging.snapshots, dirname(staging.position)]) {
    const names = await readdir(folder);
    await Promise.all(names.filter((name) => name.endsWith('.tmp')).map((name) => rm(join(folder, name))));
  }
}

/**
 * Moves everything staged into a dated folder beside it: files that belong to a history that does not go on here
 * are never deleted, since they may be the only copy of their commits.
 * @returns the folder, or undefined where there was nothing to keep
 */
export async function setStagedAside(staging: StagingFolder, keep: (file: Txid) => boolean, stamp: string, list: readonly { readonly path: string; readonly txid: Txid }[]): Promise<string | undefined> {
  const moving = list.filter((file) => !keep(file.txid));
  if (moving.length === 0) return undefined;
  const aside = join(staging.root, `set-aside-${stamp}`);
  await mkdir(aside, { recursive: true });
  for (const file of moving) await rename(file.path, join(aside, basename(file.path)));
  return aside;
}
