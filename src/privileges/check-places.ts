import { accessSync, constants, mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StationError } from '../errors.ts';
import type { DatabasePlaces, Place } from './places.ts';
import { isSystemError } from './system-error.ts';

const { R_OK, W_OK, X_OK } = constants;

const whatItHolds: Readonly<Record<Place['kind'], string>> = {
  data: 'the database',
  staging: 'the staging folder',
  replica: 'a replica',
};

/**
 * As the user we stay: makes the database's folder and looks whether everything that will be written can be.
 * @returns replicas that cannot be written while another one can, so that the start need not fail
 * @throws StationError DATA_FOLDER, which says whose the folder is and who we are
 */
export function checkPlaces({
  database,
  data,
  staging,
  replicas,
  allReplicasAreFolders,
}: DatabasePlaces): readonly StationError[] {
  checkFolder(data, 'make');
  for (const suffix of ['', '-wal', '-shm', '-journal']) checkFile(database + suffix);
  if (staging !== undefined) checkFolder(staging, dirname(staging.path) === data.path ? 'leave' : 'make');
  const refused = replicas.flatMap(({ place }) => refusalOf(place));
  const [first] = refused;
  if (first !== undefined && allReplicasAreFolders && refused.length === replicas.length) throw first;
  return refused;
}

function refusalOf(place: Place): readonly StationError[] {
  try {
    checkFolder(place, 'leave');
    return [];
  } catch (error) {
    if (error instanceof StationError) return [error];
    throw error;
  }
}

/** `leave`: whoever writes there first makes it; that it can be made is all that is asked. */
function checkFolder(place: Place, ifMissing: 'make' | 'leave'): void {
  const { path } = place;
  const what = `the folder of ${whatItHolds[place.kind]}, ${path},`;
  const status = statOf(path, what);
  if (status === undefined) {
    if (ifMissing === 'make') makeFolder(path, what);
    else checkAccess(nearestAbove(path, what), W_OK | X_OK, `${what} cannot be made`);
    return;
  }
  if (!status.isDirectory()) throw notAFolder(path, what);
  checkAccess(path, R_OK | W_OK | X_OK, `${what} cannot be written`);
}

function checkFile(path: string): void {
  const status = statOf(path, path);
  // What is no file at all is for the restore to tell.
  if (status?.isFile() === true) checkAccess(path, R_OK | W_OK, `${path} cannot be written`);
}

function makeFolder(path: string, what: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    checkAccess(nearestAbove(path, what), W_OK | X_OK, `${what} cannot be made`);
    throw refusal(`${what} cannot be made`, path, error);
  }
}

function nearestAbove(path: string, what: string): string {
  for (let above = dirname(path); ; above = dirname(above)) {
    const status = statOf(above, what);
    if (status?.isDirectory() === true) return above;
    if (status !== undefined) throw notAFolder(above, what);
    if (above === '/') return above;
  }
}

function checkAccess(path: string, mode: number, message: string): void {
  try {
    accessSync(path, mode);
  } catch (error) {
    throw refusal(message, path, error);
  }
}

function statOf(path: string, what: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw refusal(`${what} cannot be looked at`, dirname(path), error);
  }
}

function notAFolder(path: string, what: string): StationError {
  return new StationError('DATA_FOLDER', `${what} cannot be used: ${path} is a file, where a folder should be`, {
    hint: 'check what is mounted there, and the path',
  });
}

function refusal(message: string, path: string, cause: unknown): StationError {
  const code = isSystemError(cause) ? cause.code : String(cause);
  if (code === 'EROFS') {
    return new StationError('DATA_FOLDER', `${message}: ${path} is on a read-only file system`, {
      cause,
      hint: 'mount a volume there, or mount it writable',
    });
  }
  const uid = process.geteuid?.();
  const status = statSync(path, { throwIfNoEntry: false });
  const found =
    status === undefined
      ? code
      : `${path} belongs to uid ${status.uid}, gid ${status.gid}, mode ${(status.mode & 0o7777).toString(8).padStart(4, '0')}`;
  return new StationError('DATA_FOLDER', `${message} by uid ${uid}, gid ${process.getegid?.()}: ${found} (${code})`, {
    cause,
    hint:
      uid === 0
        ? 'give it to root, or let the container keep the capability DAC_OVERRIDE'
        : `chown it to this user; a start as root with --user does so, but not to other people’s folders and files`,
  });
}
