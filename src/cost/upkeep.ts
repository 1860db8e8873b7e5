import type { DatabaseConfig, ReplicaConfig } from '../config/config.ts';
import { type Bytes, bytes, type Milliseconds } from '../quantities.ts';
import { longerWait } from '../replication/levels/look-wait.ts';
import { LEAST_INPUTS } from '../replication/levels/merge-plan.ts';
import { GRACE } from '../replication/levels/retention-plan.ts';
import type { Requests } from './prices.ts';
import { DAYS_A_MONTH, plus, requestsOfUpload, times, type Uploads } from './uploads.ts';

const DAY = 86_400_000;
const MONTH = DAYS_A_MONTH * DAY;

/** What merges, copies and clears a replica, as far as it costs something. */
export interface UpkeepSchedule {
  readonly levels: readonly Milliseconds[];
  readonly snapshotInterval: Milliseconds;
  readonly retention: ReplicaConfig['retention'];
}

export function scheduleOf({ compaction }: DatabaseConfig, replica: ReplicaConfig): UpkeepSchedule {
  return { levels: compaction.levels, snapshotInterval: replica.snapshotInterval, retention: replica.retention };
}

/** How often something is made in some time, for so many syncs. */
interface Upkeep {
  /** Merged files by level, from 1. */
  readonly merges: readonly number[];
  readonly snapshots: number;
  /** Listings that look after deletions. */
  readonly looks: number;
}

function upkeepIn(time: number, syncs: number, { levels, snapshotInterval, retention }: UpkeepSchedule): Upkeep {
  let below = syncs;
  const merges = levels.map((interval, index) => {
    const least = index === 0 ? LEAST_INPUTS.ofLevel0 : LEAST_INPUTS.ofLevels;
    below = Math.min(Math.floor(below / least), Math.ceil(time / interval));
    return below;
  });
  const snapshots = Math.min(syncs, Math.ceil(time / snapshotInterval));
  const times = Math.min(syncs, looksIn(time, retention.checkInterval));
  // Level 0 each time; the levels above it when a snapshot has grown too old.
  const looks = retention.enabled ? times + Math.min(times, snapshots) * (levels.length + 1) : 0;
  return { merges, snapshots, looks };
}

/** From a start on, at a store that does what it says: the first after the first deletions. */
function looksIn(time: number, interval: Milliseconds): number {
  let [count, wait] = [0, interval];
  for (let at = 0; at < time; at += wait) {
    count += 1;
    wait = longerWait(wait, interval);
  }
  return count;
}

/** The requests of a month's merges, snapshots and looks. Merged files are taken to be as large as what went into them. */
export function upkeepAMonth(
  store: Uploads,
  syncs: number,
  syncSize: Bytes,
  size: Bytes,
  schedule: UpkeepSchedule,
): Requests {
  const { merges, snapshots, looks } = upkeepIn(MONTH, syncs, schedule);
  const ofMerges = merges.map((count) =>
    count === 0 ? nothing : times(requestsOfUpload(store, bytes((syncs * syncSize) / count)), count),
  );
  const ofSnapshots = times(requestsOfUpload(store, size), snapshots);
  const ofLooks = { puts: 0, lists: store.hasRequests ? looks : 0 };
  return [...ofMerges, ofSnapshots, ofLooks].reduce(plus, nothing);
}

const nothing: Requests = { puts: 0, lists: 0 };

/**
 * Bytes in the replica once as much goes as comes: the snapshots that are kept, and the changes since the oldest of them,
 * once at each level. With retention off, after the first month.
 */
export function storedInTheEnd(syncs: number, syncSize: Bytes, size: Bytes, schedule: UpkeepSchedule): Bytes {
  const { levels, snapshotInterval, retention } = schedule;
  const { snapshots } = upkeepIn(MONTH, syncs, schedule);
  const kept = retention.duration + (retention.grace ?? GRACE);
  const window = retention.enabled ? Math.min(1, (kept + snapshotInterval) / MONTH) : 1;
  const copies = 1 + (retention.enabled ? Math.min(snapshots, Math.ceil(kept / snapshotInterval)) : snapshots);
  return bytes(Math.round(size * copies + window * syncs * syncSize * (levels.length + 1)));
}

/** The most of it that a day can bring: files made beside the syncs, and listings. */
export function upkeepAtMost(
  syncs: number,
  schedule: UpkeepSchedule,
): { readonly merges: number; readonly snapshots: number; readonly looks: number } {
  const { merges, snapshots, looks } = upkeepIn(DAY, syncs, schedule);
  // One more each, since a day may begin just before what falls due; a snapshot more at the very start.
  return {
    merges: merges.reduce((sum, count) => sum + count + 1, 0),
    snapshots: snapshots + 2,
    looks: looks === 0 ? 0 : looks + schedule.levels.length + 2,
  };
}
