import { readFileSync } from 'node:fs';
import { StationError } from '../errors.ts';
import { findUser } from './accounts.ts';
import { describeUser, type User } from './user.ts';

/**
 * The user that `--user` names.
 * @throws StationError USER_UNKNOWN; USER_CHANGE where it is another than the one we are, and we are not root
 */
export function chooseUser(specification: string): User {
  const user = findUser(specification, { passwd: readIfThere('/etc/passwd'), group: readIfThere('/etc/group') });
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  // A group that was not asked for is the platform's to choose.
  const isWhoWeAre = user.uid === uid && (!specification.includes(':') || user.gid === gid);
  if (uid === 0 || isWhoWeAre) return user;
  throw new StationError(
    'USER_CHANGE',
    `--user ${specification}: this is uid ${uid}, gid ${gid}, and only root can become ${describeUser(user)}`,
  );
}

/** An image made from scratch has neither file, and numbers work there. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
