import { StationError } from '../errors.ts';
import type { User } from './user.ts';

/** The texts of /etc/passwd and /etc/group; empty where an image has none. */
export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** The largest but one: the last number means "no change" to the kernel. */
const LARGEST_ID = 2 ** 32 - 2;

/**
 * The user that `NAME|UID[:GROUP|GID]` names. Without a group, it is the account's own and all those it is a member of;
 * a number without an account gets the group of the same number, not root's.
 * @throws StationError USER_UNKNOWN
 */
export function findUser(specification: string, accounts: Accounts): User {
  const [who = '', ofGroup, ...more] = specification.split(':');
  if (who === '' || ofGroup === '' || more.length > 0) {
    throw unknown(`"${specification}" names no user`, 'write --user NAME, --user UID or --user UID:GID');
  }
  const known = parsePasswd(accounts.passwd);
  const account = known.find(({ name }) => name === who) ?? known.find(({ uid }) => uid === numberOf(who));
  const uid = account?.uid ?? numberOf(who);
  if (uid === undefined) {
    throw unknown(
      `there is no user ${who} in /etc/passwd`,
      'add it to the image, or give its number: --user 1000:1000',
    );
  }
  const groups = parseGroups(accounts.group);
  if (ofGroup !== undefined) {
    const gid = groups.find(({ name }) => name === ofGroup)?.gid ?? numberOf(ofGroup);
    if (gid === undefined) {
      throw unknown(
        `there is no group ${ofGroup} in /etc/group`,
        'add it to the image, or give its number: --user 1000:1000',
      );
    }
    return { uid, gid, groups: [gid], name: account?.name, home: account?.home ?? '/' };
  }
  const gid = account?.gid ?? uid;
  const member = groups.filter(({ members }) => account !== undefined && members.includes(account.name));
  return {
    uid,
    gid,
    groups: [...new Set([gid, ...member.map((group) => group.gid)])],
    name: account?.name,
    home: account?.home ?? '/',
  };
}

function unknown(message: string, hint: string): StationError {
  return new StationError('USER_UNKNOWN', message, { hint });
}

function numberOf(text: string): number | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return number <= LARGEST_ID ? number : undefined;
}

function parsePasswd(text: string): readonly Account[] {
  return linesOf(text).flatMap(([name = '', , uidText = '', gidText = '', , home = '']) => {
    const uid = numberOf(uidText);
    const gid = numberOf(gidText);
    return name === '' || uid === undefined || gid === undefined ? [] : [{ name, uid, gid, home: home || '/' }];
  });
}

function parseGroups(text: string): readonly Group[] {
  return linesOf(text).flatMap(([name = '', , gidText = '', members = '']) => {
    const gid = numberOf(gidText);
    return name === '' || gid === undefined ? [] : [{ name, gid, members: members.split(',').filter(Boolean) }];
  });
}

function linesOf(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}
