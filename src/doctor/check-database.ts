import { access, constants, open, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DatabaseConfig } from '../config/config.ts';
import { StationError } from '../errors.ts';
import { inspectLocalDatabase } from '../restore/local-database.ts';
import type { Step } from './step.ts';

/** Less than this is no room for the WAL and for one captured file. */
const LEAST_FREE = 64 * 1024 ** 2;

type Place = Pick<DatabaseConfig, 'path' | 'stagingFolder' | 'stagingMaxBytes'>;

/** What is tried on a database's own place. Nothing is written, and no SQLite connection is opened. */
export const databaseSteps: readonly Step<Place>[] = [
  { name: 'database', needs: [], run: ({ path }) => describeFile(path) },
  { name: 'journal', needs: ['database'], run: ({ path }) => describeJournal(path) },
  { name: 'folder', needs: [], run: ({ path }) => checkWritable(dirname(path)) },
  { name: 'staging', needs: [], run: ({ stagingFolder }) => checkWritable(stagingFolder) },
  { name: 'disk', needs: ['staging'], run: checkRoom },
];

async function describeFile(path: string): Promise<string> {
  const found = await inspectLocalDatabase(path);
  if (found.kind !== 'database') return 'absent: restored from the newest replica, or made by the application';
  return `${size(found.size)}, pages of ${found.pageSize} bytes`;
}

async function describeJournal(path: string) {
  const found = await inspectLocalDatabase(path);
  if (found.kind !== 'database') return { notApplicable: 'no database yet' };
  const file = await open(path, 'r');
  try {
    const versions = Buffer.alloc(2);
    await file.read(versions, 0, 2, 18);
    const isWal = versions[0] === 2 && versions[1] === 2;
    return isWal ? 'WAL mode' : 'a rollback journal: turned to WAL mode when it is replicated';
  } finally {
    await file.close();
  }
}

/** The folder, or the nearest above it that is there, must take new files. @throws StationError DATA_FOLDER */
async function checkWritable(folder: string): Promise<string> {
  const nearest = await nearestExisting(folder);
  try {
    await access(nearest, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new StationError('DATA_FOLDER', `${nearest} is no folder that uid ${process.getuid?.()} may write to`, {
      cause,
    });
  }
  return nearest === folder ? `${folder} is writable` : `${folder} can be made`;
}

async function checkRoom({ stagingFolder, stagingMaxBytes }: Place): Promise<string> {
  const { bavail, bsize } = await statfs(await nearestExisting(stagingFolder));
  const free = bavail * bsize;
  if (free < LEAST_FREE) {
    throw new StationError('STAGING_FAILED', `only ${size(free)} are free`, { hint: 'make room on the volume' });
  }
  return `${size(free)} free; staging takes ${size(stagingMaxBytes)} at most`;
}

async function nearestExisting(folder: string): Promise<string> {
  for (let path = folder; ; path = dirname(path)) {
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    if (exists || dirname(path) === path) return path;
  }
}

function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log(bytes) / Math.log(1024)));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
