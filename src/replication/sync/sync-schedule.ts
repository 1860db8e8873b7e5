import { type Milliseconds, milliseconds } from '../../quantities.ts';
import { type SnapshotWish, wishDueAt } from './snapshot-wish.ts';

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

/** What there is to do for a sync loop. */
export interface SyncNeeds {
  readonly commits: 'none' | 'some' | 'now';
  /** Something was captured and is not on disk yet. */
  readonly hasUnwritten: boolean;
  /** Of the last sync that found changes; undefined: none yet. */
  readonly lastStart: Milliseconds | undefined;
  readonly interval: Milliseconds;
  readonly wish: SnapshotWish | undefined;
  /** Somebody waits for a snapshot of the next sync. */
  readonly isCopyWanted: boolean;
}

/** When the next sync is due; undefined: not before something happens. */
export function syncDueAt(needs: SyncNeeds, now: Milliseconds): Milliseconds | undefined {
  const { wish, isCopyWanted } = needs;
  const times = [commitsDueAt(needs, now), wish && wishDueAt(wish, now), isCopyWanted ? now : undefined];
  const due = times.filter((time) => time !== undefined);
  return due.length === 0 ? undefined : milliseconds(Math.min(...due));
}

function commitsDueAt(
  { commits, hasUnwritten, lastStart, interval }: SyncNeeds,
  now: Milliseconds,
): Milliseconds | undefined {
  if (commits === 'now') return now;
  return commits === 'none' && !hasUnwritten ? undefined : nextSyncAt(now, lastStart, interval);
}
