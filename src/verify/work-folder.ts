import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.ts';
import { writeError } from '../restore/write-error.ts';

/** What a killed process left is removed after so long: nothing that still runs is so old. */
const STALE = 24 * 3_600_000;
const PREFIX = 'verify-';

/**
 * A folder of its own below `root`, gone afterwards with all that is in it.
 * @throws StationError DATA_FOLDER, RESTORE_WRITE where it cannot be made
 */
export async function withWorkFolder<T>(root: string, work: (folder: string) => Promise<T>): Promise<T> {
  let folder: string;
  try {
    await makeFolder(root);
    await removeStale(root);
    folder = await mkdtemp(join(root, PREFIX));
  } catch (cause) {
    throw writeError(`a folder for the restored file could not be made in ${root}`, cause);
  }
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function removeStale(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const path = join(root, name);
    if (!name.startsWith(PREFIX)) continue;
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > STALE) await rm(path, { recursive: true, force: true });
  }
}
