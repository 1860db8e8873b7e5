import { closeSync, constants, lstatSync, openSync, readlinkSync } from 'node:fs';
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

/** What stands in the way: a link of somebody else than root may lead anywhere. */
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
 * Opens the folder by its names one after the other, calling `missing` for those that are not there, which may make them.
 * Only links that belong to root are followed.
 * @throws UntrustedLink; Node's system errors
 */
export function openFolder(path: string, missing?: (parent: OpenFolder, name: string) => void): OpenFolder {
  let at = held(openSync('/', FOLDER));
  let names = namesOf(path);
  let links = 0;
  while (names.length > 0) {
    const [name = '', ...rest] = names;
    using parent = at;
    const target = linkTarget(parent, name);
    if (target === undefined) {
      at = openOrMake(parent, name, missing);
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

function openOrMake(
  parent: OpenFolder,
  name: string,
  missing: ((parent: OpenFolder, name: string) => void) | undefined,
): OpenFolder {
  if (missing !== undefined && lstatSync(parent.entry(name), { throwIfNoEntry: false }) === undefined) {
    missing(parent, name);
  }
  return openAt(parent, name);
}

function linkTarget(parent: OpenFolder, name: string): string | undefined {
  const status = lstatSync(parent.entry(name), { throwIfNoEntry: false });
  if (status === undefined || !status.isSymbolicLink()) return undefined;
  if (status.uid !== 0) throw new UntrustedLink(`${name} is a symbolic link of uid ${status.uid}`);
  return readlinkSync(parent.entry(name));
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
