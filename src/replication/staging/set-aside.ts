import { rename } from 'node:fs/promises';
import type { Txid } from '../../quantities.ts';
import { firstAbove } from './staged-files.ts';
import type { Staging } from './staging.ts';
import { type StagingFolder, setAside } from './staging-folder.ts';

/**
 * Moves the staged files that no replica holds into a dated folder of the staging folder.
 * @param held the highest TXID that a replica is known to hold of this history
 * @returns where, and what; undefined where there is nothing to keep
 */
export async function keepUnreplicated(
  folder: StagingFolder,
  { level0, snapshot }: Pick<Staging, 'level0' | 'snapshot'>,
  held: Txid,
  now: Date,
): Promise<{ readonly folder: string; readonly files: number; readonly first: Txid; readonly last: Txid } | undefined> {
  const above = level0.slice(firstAbove(level0, held));
  const lacking = snapshot !== undefined && snapshot.maxTxid > held ? [snapshot, ...above] : above;
  const [first] = above.length > 0 ? above : lacking;
  const last = lacking.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const paths = lacking.map((file) => file.path);
  const aside = await setAside(folder, paths, now);
  if (aside === undefined) return undefined;
  return { folder: aside, files: paths.length, first: first.minTxid, last: last.maxTxid };
}

/**
 * Renames a database and what SQLite keeps beside it, so that nothing of it is lost or mixed into another.
 * @returns the new names
 */
export async function moveDatabaseAside(path: string, now: Date): Promise<readonly string[]> {
  const stamp = now.toISOString().replaceAll(/[:.]/g, '-');
  const moved: string[] = [];
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    const aside = `${path}.set-aside-${stamp}${suffix}`;
    try {
      await rename(`${path}${suffix}`, aside);
      moved.push(aside);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  return moved;
}
