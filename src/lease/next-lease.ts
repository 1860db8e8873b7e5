import { type Milliseconds, milliseconds } from '../quantities.ts';
import { type FreeReason, type Instance, needsClaim } from './judge-lease.ts';
import type { LeaseRecord, LeaseRequest, LeaseState, TakeoverPoint } from './lease-record.ts';
import { recentTakeovers } from './takeover-points.ts';

/** The records that follow from one another. All are functions of data; `nonce` is to be new for each write. */

/** The lease as this instance takes it, which was free for that reason. */
export function acquired(
  before: LeaseRecord | undefined,
  why: FreeReason,
  me: Instance,
  duration: Milliseconds,
  wall: Milliseconds,
  nonce: string,
): LeaseRecord {
  return {
    unknown: before?.unknown ?? {},
    generation: (before?.generation ?? 0) + 1,
    expiresAt: milliseconds(wall + duration),
    owner: me.owner,
    station: {
      disk: me.disk,
      writer: before?.station && (before.station.writer ?? before.station.disk),
      place: me.place,
      service: me.service,
      nonce,
      acquiredAt: wall,
      duration,
      state: 'held',
      isUnclaimed: needsClaim(why, before, 'present'),
      request: undefined,
      takeovers: recentTakeovers(before?.station?.takeovers ?? [], wall),
    },
  };
}

/** How far a take-over has come: the name to be claimed is told before it is claimed, lest nobody knows it after a crash. */
export type Takeover = TakeoverPoint & { readonly isClaimed: boolean };

/** The same lease for its duration from now, with a take-over point more where there is one to tell of. */
export function renewed(
  held: LeaseRecord,
  wall: Milliseconds,
  nonce: string,
  takeover: Takeover | undefined,
): LeaseRecord {
  const { station } = held;
  if (station === undefined) return held;
  const known = station.takeovers.some(({ txid }) => txid === takeover?.txid);
  const point = takeover && { txid: takeover.txid, at: takeover.at };
  const takeovers = point === undefined || known ? station.takeovers : [...station.takeovers, point];
  return {
    ...held,
    expiresAt: milliseconds(wall + station.duration),
    station: {
      ...station,
      nonce,
      isUnclaimed: station.isUnclaimed && takeover?.isClaimed !== true,
      takeovers: recentTakeovers(takeovers, wall),
    },
  };
}

/** From here on the replica follows the history of this disk. */
export function written(held: LeaseRecord, disk: string): LeaseRecord {
  return held.station === undefined ? held : { ...held, station: { ...held.station, writer: disk } };
}

/** With nothing left to claim. */
export function claimed(held: LeaseRecord): LeaseRecord {
  return held.station === undefined ? held : { ...held, station: { ...held.station, isUnclaimed: false } };
}

/** Given back, or broken; `left` also where a claim is still due: the record stays, because its generation and its take-over points are still needed. */
export function freed(
  held: LeaseRecord,
  state: Exclude<LeaseState, 'held'>,
  me: Instance,
  wall: Milliseconds,
  nonce: string,
): LeaseRecord {
  const station = held.station ?? {
    disk: me.disk,
    place: me.place,
    service: me.service,
    nonce,
    acquiredAt: wall,
    // A stock Litestream's lease, broken by a person.
    duration: milliseconds(30_000),
    state,
    isUnclaimed: false,
    request: undefined,
    takeovers: [],
  };
  const isDue = station.isUnclaimed && state === 'released';
  // Long ago: a stock Litestream sees by its own clock that it is free, however far that is behind.
  return {
    ...held,
    expiresAt: milliseconds(0),
    station: { ...station, nonce, state: isDue ? 'left' : state, request: undefined },
  };
}

/** The holder's lease with a newcomer's request; all that is the holder's stays. Undefined where one stands already. */
export function requested(held: LeaseRecord, request: LeaseRequest): LeaseRecord | undefined {
  const { station } = held;
  if (station === undefined || station.request !== undefined) return undefined;
  return { ...held, station: { ...station, request } };
}

/** The holder's lease after the newcomer has gone. */
export function withoutRequest(held: LeaseRecord): LeaseRecord {
  return held.station === undefined ? held : { ...held, station: { ...held.station, request: undefined } };
}
