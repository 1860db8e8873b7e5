import { type Milliseconds, milliseconds } from '../quantities.ts';

/** A replica that could not be verified is tried again after so long at most. */
const LONGEST_RETRY = 3_600_000;

/**
 * When a replica is next to be verified: an interval after the last time, and on a disk that has never seen one, a tenth
 * of it after the start: containers live for days, and their disks not always longer.
 * @param startedAt of the process
 * @param failedAt of the last try that came to no verdict
 */
export function nextVerificationAt(
  interval: Milliseconds,
  startedAt: Milliseconds,
  last: Milliseconds | undefined,
  failedAt: Milliseconds | undefined,
): Milliseconds {
  // A clock that was set back must not put it off for longer than an interval.
  const since = last === undefined ? undefined : Math.min(last, failedAt ?? startedAt);
  const due = since === undefined ? startedAt + interval / 10 : since + interval;
  const retry = failedAt === undefined ? 0 : failedAt + Math.min(interval / 10, LONGEST_RETRY);
  return milliseconds(Math.max(due, retry));
}
