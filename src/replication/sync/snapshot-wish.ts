import { type Milliseconds, milliseconds, type Txid, txid } from '../../quantities.ts';

/** A snapshot that a replica waits for. */
export interface SnapshotWish {
  /** It is to end above this TXID. */
  readonly above: Txid;
  /** Not before this time: an earlier try failed. */
  readonly notBefore: Milliseconds;
  readonly failures: number;
  /** There was no database to take it of; the next commit tells that there is one. */
  readonly waits: 'for-nothing' | 'for-a-commit';
}

/** What is wished for where one more replica needs a snapshot above that TXID: one that does for all. */
export function wishedAbove(wish: SnapshotWish | undefined, above: Txid): SnapshotWish {
  const before = wish ?? { above, notBefore: milliseconds(0), failures: 0, waits: 'for-nothing' };
  return { ...before, above: txid(Math.max(before.above, above)) };
}

/** When it is to be taken; undefined: when there is a commit. */
export function wishDueAt(wish: SnapshotWish, now: Milliseconds): Milliseconds | undefined {
  return wish.waits === 'for-a-commit' ? undefined : milliseconds(Math.max(now, wish.notBefore));
}
