import { fchownSync, fstatSync, readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { StationError } from '../errors.ts';
import { describeUser, type User } from './user.ts';

type Environment = Record<string, string | undefined>;

/** What `su` says of the user in the environment; whose shell it is matters to nobody here. */
export function setUserVariables(environment: Environment, user: User): void {
  environment['HOME'] = user.home;
  for (const variable of ['USER', 'LOGNAME']) {
    if (user.name === undefined) delete environment[variable];
    else environment[variable] = user.name;
  }
}

/**
 * Does something with the rights of the user, and has root's again after it. Without a user, as who we are.
 * @throws StationError USER_CHANGE where the container may not change users
 */
export function withRightsOf<T>(user: User | undefined, work: () => T): T {
  if (user === undefined || process.geteuid?.() !== 0) return work();
  const groups = process.getgroups?.() ?? [];
  change(user, () => {
    process.setgroups?.([...user.groups]);
    process.setegid?.(user.gid);
    process.seteuid?.(user.uid);
  });
  try {
    return work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  }
}

/**
 * Becomes the user for good: groups, then group, then user, and looks whether there is a way back.
 * @throws StationError USER_CHANGE
 */
export function becomeUser(user: User): void {
  if (process.geteuid?.() !== 0) return;
  handOverStandardStreams(user);
  change(user, () => {
    process.setgroups?.([...user.groups]);
    process.setgid?.(user.gid);
    process.setuid?.(user.uid);
  });
  if (user.uid !== 0) proveNoWayBack(user);
}

function change(user: User, steps: () => void): void {
  try {
    steps();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StationError('USER_CHANGE', `cannot become ${describeUser(user)}: ${reason}`, {
      cause,
      hint: 'the container needs the capabilities SETUID and SETGID (and CHOWN for its volumes), or start it as that user',
    });
  }
}

function proveNoWayBack(user: User): void {
  const is = [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.()];
  const isUser = is.every((id, index) => id === (index < 2 ? user.uid : user.gid));
  if (!isUser || hasCapabilities() || canBecomeRoot()) {
    throw new StationError('USER_CHANGE', `root’s rights remained after becoming ${describeUser(user)}`, {
      hint: 'start the container as that user instead',
    });
  }
}

function canBecomeRoot(): boolean {
  try {
    process.setuid?.(0);
    return true;
  } catch {
    return false;
  }
}

/** Kept ones (SECBIT_KEEP_CAPS and its kin) would be worth as much as root to whoever gets at this process. */
function hasCapabilities(): boolean {
  const status = readFileSync('/proc/self/status', 'utf8');
  return [...status.matchAll(/^Cap(?:Prm|Eff|Amb):\s*(\S+)/gm)].some(([, set]) => !/^0+$/.test(set ?? ''));
}

/**
 * A program that opens /dev/stdout opens the pipe or terminal itself, which is root's: as container runtimes do for
 * their own user setting, it is given to the user. Somebody else's terminal, and files, stay theirs.
 */
function handOverStandardStreams(user: User): void {
  for (const descriptor of [0, 1, 2]) {
    try {
      const status = fstatSync(descriptor);
      const isOurs = status.isFIFO() || isatty(descriptor);
      if (isOurs && status.uid === 0) fchownSync(descriptor, user.uid, status.gid);
    } catch (error) {
      // Closed, or on a file system that has no owners: writing to it goes on working.
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (!['EBADF', 'EINVAL', 'EPERM', 'EROFS', 'ENOSYS', 'ENOTSUP'].includes(code)) throw error;
    }
  }
}
