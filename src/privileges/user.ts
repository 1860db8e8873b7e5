/** Whom the program and its child run as, once root has done its part. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one among them. */
  readonly groups: readonly number[];
  /** Undefined for a number that /etc/passwd does not have. */
  readonly name: string | undefined;
  readonly home: string;
}

/** For messages: `station (uid 1000, gid 1000)`. */
export function describeUser({ uid, gid, name }: Pick<User, 'uid' | 'gid' | 'name'>): string {
  return name === undefined ? `uid ${uid}, gid ${gid}` : `${name} (uid ${uid}, gid ${gid})`;
}
