import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { LeaseRecord, Service } from './lease-record.ts';

/** Who asks. */
export interface Instance {
  readonly disk: string;
  readonly place: string | undefined;
  /** For people: `host:pid`, as stock Litestream has it. */
  readonly owner: string;
  readonly service: Service | undefined;
}

/** One look at two clocks. */
export interface Moment {
  readonly wall: Milliseconds;
  /** Never goes back, and knows nothing of other machines. */
  readonly monotonic: Milliseconds;
}

/** Since when, by our own monotonic clock, the holder has written nothing. */
export interface Observation {
  readonly mark: string;
  readonly since: Milliseconds;
}

export type FreeReason =
  | 'absent'
  | 'released'
  /** Given back, but an upload of the last holder's may still arrive. */
  | 'left'
  | 'expired'
  | 'broken'
  /** Ours: the last process on this disk held it, and is dead, for we have the staging folder's lock. */
  | 'own-disk'
  /** Ours by the platform's word: the container before this one, which has ended. */
  | 'own-place';

export type Judgement =
  | { readonly kind: 'free'; readonly why: FreeReason }
  /** `until`: when it can be taken if its holder writes nothing more, by our wall clock. */
  | { readonly kind: 'held'; readonly by: LeaseRecord; readonly until: Milliseconds };

/** A stock Litestream's lease does not tell how long it is; this is its default. */
const STOCK_DURATION = milliseconds(30_000);

/** What two machines' clocks may differ by before a living holder could be taken for dead. */
export function skewMargin(duration: Milliseconds): Milliseconds {
  return milliseconds(Math.min(5_000, Math.ceil(duration / 3)));
}

function durationOf(record: LeaseRecord): Milliseconds {
  return record.station?.duration ?? STOCK_DURATION;
}

/** What changes when the holder writes, and stays as it is when somebody else adds a request. */
function markOf(record: LeaseRecord): string {
  return record.station?.nonce ?? `${record.generation} ${record.expiresAt} ${record.owner}`;
}

/** Notes a look at a lease: `since` stays for as long as the holder writes nothing. */
export function observe(
  earlier: Observation | undefined,
  record: LeaseRecord | undefined,
  monotonic: Milliseconds,
): Observation | undefined {
  if (record === undefined) return undefined;
  const mark = markOf(record);
  return earlier?.mark === mark ? earlier : { mark, since: monotonic };
}

/**
 * Whether a lease can be taken. Two clocks say that it has expired, and one of them is enough: the wall clock, with a
 * margin for what it differs by from the holder's; and our monotonic one, when we have seen the holder write nothing
 * for as long as its lease lasts, which a holder whose clock is years ahead cannot outlive.
 *
 * To be wrong here costs a restart, and no commit: what keeps two writers apart is that files are only ever created.
 */
export function judgeLease(
  record: LeaseRecord | undefined,
  me: Pick<Instance, 'disk' | 'place'>,
  observation: Observation | undefined,
  now: Moment,
): Judgement {
  if (record === undefined) return { kind: 'free', why: 'absent' };
  const { station, expiresAt } = record;
  if (station !== undefined) {
    const { state, disk } = station;
    // Also one that was left: what may still arrive of it is staged here.
    if (disk === me.disk && (state === 'held' || state === 'left')) return { kind: 'free', why: 'own-disk' };
    if (state !== 'held') return { kind: 'free', why: state };
    if (me.place !== undefined && station.place === me.place) return { kind: 'free', why: 'own-place' };
  }
  const duration = durationOf(record);
  const margin = skewMargin(duration);
  const byWallClock = expiresAt + margin;
  const seenSince = observation?.mark === markOf(record) ? observation.since : now.monotonic;
  const byMonotonicClock = now.wall + (seenSince + duration + margin - now.monotonic);
  const until = milliseconds(Math.min(byWallClock, byMonotonicClock));
  return until <= now.wall ? { kind: 'free', why: 'expired' } : { kind: 'held', by: record, until };
}

/**
 * Whether a lease has lapsed for its holder. Both clocks count: a machine that slept stopped the monotonic one.
 * @param from when the write was begun that it stands by
 */
export function hasLapsed(record: LeaseRecord, from: Moment, now: Moment): boolean {
  return Math.max(now.monotonic - from.monotonic, now.wall - from.wall) >= durationOf(record);
}

/**
 * Whether an upload of an earlier holder's may still arrive, so that the next TXID is to be claimed (docs/one-writer.md).
 * @param before what stood in the lease when it was found free for that reason
 */
export function needsClaim(
  why: FreeReason,
  before: LeaseRecord | undefined,
  localDatabase: 'present' | 'absent',
): boolean {
  switch (why) {
    case 'absent':
    case 'released':
      return false;
    case 'own-disk':
      // What may still arrive of ours is staged here, byte for byte; but without the database it is not gone on from.
      return localDatabase === 'absent' || before?.station?.isUnclaimed === true;
    case 'left':
    case 'expired':
    case 'broken':
    case 'own-place':
      return true;
  }
}
