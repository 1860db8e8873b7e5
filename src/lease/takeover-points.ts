import type { Milliseconds, Txid } from '../quantities.ts';
import type { TakeoverPoint } from './lease-record.ts';

/** An old holder, paused for less than this, finds the name of its next file taken. */
const KEPT = 24 * 60 * 60 * 1000;

export function recentTakeovers(points: readonly TakeoverPoint[], now: Milliseconds): readonly TakeoverPoint[] {
  return points.filter(({ at }) => now - at < KEPT);
}

/**
 * The lowest TXID whose level-0 file must stay although higher levels cover it; undefined if there is none. An old holder
 * that wakes up must find the name taken that it writes next: its last TXID and 1, which is the take-over point.
 */
export function keepLevel0From(points: readonly TakeoverPoint[], now: Milliseconds): Txid | undefined {
  const recent = recentTakeovers(points, now).map(({ txid }) => txid);
  return recent.length === 0 ? undefined : (Math.min(...recent) as Txid);
}
