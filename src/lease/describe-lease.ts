import type { Milliseconds } from '../quantities.ts';
import type { LeaseRecord } from './lease-record.ts';

/** Who holds it, for a message: `web-7:12 (kubernetes default/web), for 3m12s, until 2026-01-15T14:30:00.000Z`. */
export function describeHolder(record: LeaseRecord, now: Milliseconds): string {
  const { owner, expiresAt, station } = record;
  const name = owner === '' ? 'an instance without a name' : owner;
  const service = station?.service && ` (${station.service.platform} ${station.service.name})`;
  const age = station === undefined ? ' (stock Litestream)' : `, for ${describeAge(now - station.acquiredAt)}`;
  return `${name}${service ?? ''}${age}, until ${new Date(expiresAt).toISOString()}`;
}

/** `45s`, `3m12s`, `7h05m`. A clock that is behind the holder's makes it nothing. */
export function describeAge(age: number): string {
  const seconds = Math.max(0, Math.round(age / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${String(seconds % 60).padStart(2, '0')}s`;
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`;
}
