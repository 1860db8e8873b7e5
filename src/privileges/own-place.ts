import { fchownSync, fstatSync, lchownSync, lstatSync, readdirSync, type Stats } from 'node:fs';
import { type OpenFolder, openAt, openFolder, UntrustedLink } from './open-folder.ts';
import type { Place } from './places.ts';
import { isSystemError } from './system-error.ts';
import type { User } from './user.ts';

/** Folders of the system: whoever puts a database there does not want the folder given to its user. */
const systemFolder =
  /^\/((bin|boot|dev|etc|home|lib\w*|proc|root|run|sbin|sys|tmp|usr(\/.*)?|var(\/(cache|lib|log|run|spool|tmp))?)\/?)?$/;

/** What is the user's is looked into this deep at every start, and no deeper: a replica may hold 100,000 files. */
const ALWAYS_LOOKED_AT = 2;

/**
 * As root: makes the folder, if it is not there, and gives it and what is ours in it to the user. No link is followed
 * but root's own, no other file system is entered, and nothing is given that has a second name elsewhere.
 *
 * What cannot be given (a read-only or remote file system, a missing capability) stays as it is: whether the user can
 * write there after all is seen by who tries, as the user.
 */
export function ownPlace(place: Place, user: User): void {
  unlessRefused(() => {
    using folder = openFolder(place.path, (made) => fchownSync(made.descriptor, user.uid, user.gid));
    const status = fstatSync(folder.descriptor);
    const names = readdirSync(folder.entry());
    if (!isForUs(place, status, names, user)) return;
    for (const name of names) {
      if (place.isOurs(name)) ownEntry(folder, name, user, status.dev, 1);
    }
    // Last, so that what was cut short is done again.
    if (!mayWrite(status, user)) fchownSync(folder.descriptor, user.uid, user.gid);
  });
}

/** Root's folder is what a fresh volume looks like. Another user's is ours only if nothing in it is somebody else's. */
function isForUs(place: Place, status: Stats, names: readonly string[], user: User): boolean {
  if (status.uid === user.uid) return true;
  if (systemFolder.test(place.path)) return false;
  return status.uid === 0 || names.every((name) => name === 'lost+found' || place.isOurs(name));
}

function mayWrite({ uid, gid, mode }: Stats, user: User): boolean {
  const shift = uid === user.uid ? 6 : user.groups.includes(gid) ? 3 : 0;
  return ((mode >> shift) & 0o3) === 0o3;
}

function ownEntry(parent: OpenFolder, name: string, user: User, device: number, depth: number): void {
  unlessRefused(() => {
    const path = parent.entry(name);
    const status = lstatSync(path);
    if (status.dev !== device) return;
    const isUsers = status.uid === user.uid;
    if (status.isDirectory()) {
      if (!isUsers || depth < ALWAYS_LOOKED_AT) ownEntries(parent, name, user, device, depth);
    } else if (!status.isFile() || status.nlink > 1) return;
    if (!isUsers) lchownSync(path, user.uid, user.gid);
  });
}

function ownEntries(parent: OpenFolder, name: string, user: User, device: number, depth: number): void {
  using folder = openAt(parent, name);
  for (const entry of readdirSync(folder.entry())) ownEntry(folder, entry, user, device, depth + 1);
}

function unlessRefused(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof UntrustedLink) && !isSystemError(error)) throw error;
  }
}
