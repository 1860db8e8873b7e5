import { type Milliseconds, milliseconds, type Txid } from '../../quantities.ts';
import { type Holdings, SNAPSHOT_LEVEL } from './held-files.ts';
import { LEAST_INPUTS } from './merge-plan.ts';
import { boundaryAfter, type NextStep, soonest } from './next-step.ts';

/** A whole copy of the database is wanted that ends above this TXID. */
export interface SnapshotStep {
  readonly above: Txid;
}

/** A clock set back by more than this is not waited for. */
const SET_BACK = 3_600_000;

/**
 * When the next snapshot is due, as the files tell: an interval after the last one, if anything was committed since.
 * Not at multiples of the interval: all databases of the world would upload themselves at midnight, and a young one
 * twice within minutes.
 *
 * The first one is due when merging could begin, which then begins above it.
 */
export function nextSnapshot(
  held: Holdings,
  interval: Milliseconds,
  mergeIntervals: readonly Milliseconds[],
  now: Milliseconds,
): NextStep<SnapshotStep> {
  const last = held.level(SNAPSHOT_LEVEL).at(-1);
  if (held.newest === 0 || (last !== undefined && held.newest <= last.maxTxid)) return { kind: 'none' };
  const step = { above: last?.maxTxid ?? (0 as Txid) };
  const due = (at: number): NextStep<SnapshotStep> =>
    at > now ? { kind: 'later', at: milliseconds(at) } : { kind: 'due', step };
  if (last !== undefined) return due(last.storedAt > now + SET_BACK ? now : last.storedAt + interval);
  const oldest = oldestTime(held);
  if (oldest === undefined) return { kind: 'none' };
  const bySnapshotInterval = due(oldest > now + SET_BACK ? now : oldest + interval);
  const enough = held.level(0)[LEAST_INPUTS.ofLevel0 - 1];
  const [first] = mergeIntervals;
  if (enough === undefined || first === undefined || held.level(1).length > 0) return bySnapshotInterval;
  return soonest(due(enough.time > now ? now : boundaryAfter(enough.time, first)), bySnapshotInterval);
}

function oldestTime(held: Holdings): Milliseconds | undefined {
  const times = [0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((level) => held.level(level)[0]?.storedAt ?? []);
  return times.length === 0 ? undefined : milliseconds(Math.min(...times));
}
