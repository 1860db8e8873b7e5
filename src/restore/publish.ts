import { chmod, chown, rename, stat } from 'node:fs/promises';
import { syncFolderOf } from '../durable-file.ts';
import { StationError } from '../errors.ts';
import { faultPoint } from '../fault-points.ts';
import type { Milliseconds } from '../quantities.ts';
import { writeError } from './write-error.ts';

/** Files of SQLite's beside a database, of which only a database that is there can make sense. */
const COMPANIONS = ['-wal', '-shm', '-journal'] as const;

/**
 * Puts a proven and fsynced file in its place, so that after any crash there is the whole database or none.
 * Leftovers of an earlier database are moved aside first: SQLite would replay them into the restored one.
 * @returns the new names of what was moved aside
 * @throws StationError RESTORE_OUTPUT_EXISTS if a database has appeared there meanwhile (unless `overwrite`, when it is
 *   moved aside too), DATA_FOLDER or RESTORE_WRITE where the disk refuses
 */
export async function publishDatabase(
  temporary: string,
  output: string,
  options: { readonly overwrite: boolean; readonly now: Milliseconds },
): Promise<readonly string[]> {
  try {
    const existing = await statIfThere(output);
    const isTaken = existing !== undefined && existing.size > 0;
    if (isTaken && !options.overwrite) {
      throw new StationError('RESTORE_OUTPUT_EXISTS', `${output} exists already, ${existing.size} bytes`);
    }
    const movedAside = await moveLeftoversAside(output, options.now);
    if (isTaken) movedAside.push(...(await moveAside([output], options.now)));
    if (existing !== undefined) await takeOver(temporary, existing);
    faultPoint('before-publish');
    await rename(temporary, output);
    await syncFolderOf(output);
    faultPoint('after-publish');
    return movedAside;
  } catch (cause) {
    throw writeError(`${output} could not be put in its place`, cause);
  }
}

/**
 * Moves what an earlier database left beside its place: SQLite would replay it into whatever is made there next.
 * @returns the new names
 */
export async function moveLeftoversAside(database: string, now: Milliseconds): Promise<string[]> {
  return await moveAside(
    COMPANIONS.map((suffix) => database + suffix),
    now,
  );
}

/** Moves what exists of these to `<name>.before-restore-<UTC time>`; nothing is overwritten. */
async function moveAside(paths: readonly string[], now: Milliseconds): Promise<string[]> {
  const stamp = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
  const moved: string[] = [];
  for (const path of paths) {
    if ((await statIfThere(path)) === undefined) continue;
    let aside = `${path}.before-restore-${stamp}`;
    for (let count = 2; (await statIfThere(aside)) !== undefined; count += 1) {
      aside = `${path}.before-restore-${stamp}-${count}`;
    }
    await rename(path, aside);
    moved.push(aside);
  }
  return moved;
}

/** An empty file that someone put there tells who is to own the database. Only root can give a file away: else it stays ours. */
async function takeOver(path: string, like: { readonly mode: number; readonly uid: number; readonly gid: number }) {
  await chmod(path, like.mode & 0o777);
  if (process.getuid?.() === 0) await chown(path, like.uid, like.gid);
}

async function statIfThere(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
