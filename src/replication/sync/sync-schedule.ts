import { type Milliseconds, milliseconds } from '../../quantities.ts';

/**
 * When the next sync starts, given when the last one did (undefined: none yet): at once after a quiet time, else one
 * interval after the last. So a rare commit is durable in tens of milliseconds at the price of one sync per interval.
 */
export function nextSyncAt(
  now: Milliseconds,
  lastStart: Milliseconds | undefined,
  interval: Milliseconds,
): Milliseconds {
  if (lastStart === undefined) return now;
  return milliseconds(Math.max(now, lastStart + interval));
}
