import type { Instance } from './judge-lease.ts';
import type { LeaseRecord } from './lease-record.ts';

/** What to do where another instance holds the lease. */
export type TakeoverPolicy =
  /** Wait until it is released, or has expired. */
  | 'wait'
  /** Ask the holder to drain and release, and wait. */
  | 'handover'
  /** Stop at once. */
  | 'refuse';

/**
 * Undefined: hand-over where the platform says that holder and newcomer are instances of one service, as in a rolling
 * deploy; else wait. A stock Litestream does not know requests.
 */
export function choosePolicy(given: TakeoverPolicy | undefined, holder: LeaseRecord, me: Instance): TakeoverPolicy {
  if (holder.station === undefined) return given === 'refuse' ? 'refuse' : 'wait';
  if (given !== undefined) return given;
  const theirs = holder.station.service;
  const ours = me.service;
  const isSame = theirs !== undefined && theirs.platform === ours?.platform && theirs.name === ours.name;
  return isSame ? 'handover' : 'wait';
}
