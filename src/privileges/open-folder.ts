import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readlinkSync, type Stats } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * A folder held by a descriptor. Root reaches what is in it through the descriptor, never by a whole path again:
 * whoever may write to a folder further up could put a link in the way meanwhile, and have /etc given to them.
 */
export interface OpenFolder extends Disposable {
  readonly descriptor: number;
  /** The path, for the system calls, of an entry (or of the folder itself). A link is not followed by `lchown` and `lstat`. */
  entry(name?: string): string;
}

/** What stands in the way: a link that somebody else than root may have put there can lead anywhere. */
export class UntrustedLink extends Error {
  override readonly name = 'UntrustedLink';
}

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** As many as the kernel follows. */
const MAX_LINKS = 40;

export function openAt(parent: OpenFolder, name: string): OpenFolder {
  return held(openSync(parent.entry(name), FOLDER));
}

/**
 * Opens the folder by its names one after the other, and makes those that are not there.
 * Only links are followed that are root's, in folders where root alone could put them.
 * @param made called with each folder that was not there
 * @throws UntrustedLink; Node's system errors
 */
export function openFolder(path: string, made: (folder: OpenFolder) => void): OpenFolder {
  let at = held(openSync('/', FOLDER));
  let names = namesOf(path);
  let links = 0;
  while (names.length > 0) {
    const [name = '', ...rest] = names;
    using parent = at;
    const target = linkTarget(parent, name);
    if (target === undefined) {
      at = openOrMake(parent, name, made);
      names = rest;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new UntrustedLink(`${path}: too many symbolic links`);
    const here = readlinkSync(parent.entry());
    at = held(openSync('/', FOLDER));
    names = [...namesOf(isAbsolute(target) ? target : join(here, target)), ...rest];
  }
  return at;
}

function openOrMake(parent: OpenFolder, name: string, made: (folder: OpenFolder) => void): OpenFolder {
  if (lstatSync(parent.entry(name), { throwIfNoEntry: false }) !== undefined) return openAt(parent, name);
  mkdirSync(parent.entry(name));
  const folder = openAt(parent, name);
  made(folder);
  return folder;
}

function linkTarget(parent: OpenFolder, name: string): string | undefined {
  const status = lstatSync(parent.entry(name), { throwIfNoEntry: false });
  if (status === undefined || !status.isSymbolicLink()) return undefined;
  if (status.uid !== 0 || !isRootsAlone(fstatSync(parent.descriptor))) {
    throw new UntrustedLink(`${name} is a symbolic link that others than root can have put there`);
  }
  return readlinkSync(parent.entry(name));
}

/** In a sticky folder all may write, but nobody renames what is root's. */
function isRootsAlone({ uid, mode }: Stats): boolean {
  return uid === 0 && ((mode & 0o022) === 0 || (mode & 0o1000) !== 0);
}

function namesOf(path: string): readonly string[] {
  return resolve('/', path).split('/').filter(Boolean);
}

function held(descriptor: number): OpenFolder {
  const folder = `/proc/self/fd/${descriptor}`;
  return {
    descriptor,
    entry: (name) => (name === undefined ? folder : `${folder}/${name}`),
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}
