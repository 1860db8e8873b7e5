import { randomUUID } from 'node:crypto';
import { isStationError, StationError } from '../errors.ts';
import type { Milliseconds } from '../quantities.ts';
import type { ConditionalObject, ObjectVersion } from '../storage/object-store.ts';
import { describeAge } from './describe-lease.ts';
import { formatLease, type LeaseRecord, parseLease } from './lease-record.ts';
import { freed } from './next-lease.ts';

/** A lease as somebody finds it who does not take part. */
export type FoundLease =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreadable'; readonly error: StationError; readonly version: ObjectVersion }
  | { readonly kind: 'found'; readonly record: LeaseRecord; readonly version: ObjectVersion };

/** @throws StationError STORAGE_*; the signal's reason on abort */
export async function findLease(object: ConditionalObject, url: string, signal: AbortSignal): Promise<FoundLease> {
  const found = await object.read(signal);
  if (found === undefined) return { kind: 'absent' };
  const { bytes, version } = found;
  try {
    return { kind: 'found', record: parseLease(bytes, url), version };
  } catch (error) {
    if (isStationError(error, 'LEASE_INVALID')) return { kind: 'unreadable', error, version };
    throw error;
  }
}

/**
 * Marks a lease as broken: the next instance takes it at once, and a holder that is alive after all stops with 76.
 * @throws StationError LEASE_HELD where somebody wrote it since it was found; STORAGE_*
 */
export async function breakLease(
  object: ConditionalObject,
  url: string,
  found: Exclude<FoundLease, { kind: 'absent' }>,
  now: Milliseconds,
  signal: AbortSignal,
): Promise<void> {
  const record: LeaseRecord =
    found.kind === 'found'
      ? found.record
      : { generation: 0, expiresAt: now, owner: '', station: undefined, unknown: {} };
  const nobody = { disk: '', place: undefined, owner: '', service: undefined };
  try {
    await object.write(formatBroken(record, nobody, now), found.version, signal);
  } catch (cause) {
    if (!isStationError(cause, 'STORAGE_ALREADY_EXISTS')) throw cause;
    throw new StationError('LEASE_HELD', `${url}: somebody has written it just now, so its holder is alive`, {
      cause,
      hint: 'look at it once more: an instance that is alive is to be stopped, not robbed',
    });
  }
}

function formatBroken(record: LeaseRecord, nobody: Parameters<typeof freed>[2], now: Milliseconds): Uint8Array {
  return formatLease(freed(record, 'broken', nobody, now, randomUUID()));
}

/** What it means for somebody who would start now: `held by web-7:12, for 3m12s, expires in 21s`. */
export function describeFound(found: FoundLease, now: Milliseconds): string {
  if (found.kind === 'absent') return 'free: nobody has taken it yet';
  if (found.kind === 'unreadable') return `unreadable: ${found.error.message}`;
  const { owner, expiresAt, station } = found.record;
  const name = owner || 'an instance without a name';
  if (station !== undefined && station.state !== 'held') return `free: ${stateWords[station.state]} by ${name}`;
  const age = station === undefined ? 'stock Litestream' : `for ${describeAge(now - station.acquiredAt)}`;
  const service = station?.service === undefined ? '' : ` of ${station.service.platform} ${station.service.name}`;
  const request = station?.request === undefined ? '' : `; ${station.request.owner} asks for it`;
  const left = expiresAt - now;
  const expiry = left > 0 ? `expires in ${describeAge(left)}` : `expired ${describeAge(-left)} ago`;
  return `held by ${name}${service}, ${age}, ${expiry}${request}`;
}

const stateWords = {
  released: 'given back',
  left: 'given back, with an upload broken off,',
  broken: 'taken by a person, last held',
} as const;
