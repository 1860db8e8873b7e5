import { type Milliseconds, milliseconds, type Txid } from '../../quantities.ts';
import { firstEndingAbove, type HeldFile, type Holdings, LEVELS, SNAPSHOT_LEVEL } from './held-files.ts';

/** How long what was promised lasts. */
export interface RetentionPolicy {
  /** How far back a restore must be possible. */
  readonly duration: Milliseconds;
  /** For how much longer everything stays: a restore that began before a file was planned to go may still need it. */
  readonly grace: Milliseconds;
  /** How long level-0 files stay once they were merged. */
  readonly level0Duration: Milliseconds;
  /** Moments this close together may become one: beyond it, level-0 files stay as long as the rest. */
  readonly grain: Milliseconds;
  /** Level-0 files from here on stay: a writer whose lease was taken over may not know of it yet. */
  readonly level0KeptFrom: Txid | undefined;
}

/** An hour: by then a restore has read what it listed, or lists anew. */
export const GRACE = milliseconds(3_600_000);

/** Take-overs are looked at again after so many milliseconds. */
const TAKE_OVER_LOOK = 3_600_000;

export type WhyGoes =
  /** Everything up to it lies further back than was promised. */
  | 'past-retention'
  /** A level-1 file holds the same. */
  | 'merged';

export type WhyStays =
  /** The snapshot from which the oldest promised moment is restored. */
  | 'base'
  | 'within-retention'
  /** Stock Litestream reads its position off the newest file of level 0, and where to go on off that of each other level. */
  | 'newest-of-its-level'
  | 'not-merged'
  | 'merged-lately'
  /** Commits are rare here: the merged file spans more time than two moments may be apart. */
  | 'finer-than-the-merged'
  | 'after-a-take-over';

export interface Going {
  readonly file: HeldFile;
  readonly why: WhyGoes;
}

export interface Staying {
  readonly file: HeldFile;
  readonly why: WhyStays;
}

export interface RetentionPlan {
  /** In the order in which they may go: whatever is left when it is broken off can be restored from. */
  readonly going: readonly Going[];
  readonly staying: readonly Staying[];
  /** When something that stays now may go next, if nothing is added; undefined: never. */
  readonly next: Milliseconds | undefined;
}

type Verdict =
  | { readonly kind: 'going'; readonly why: WhyGoes }
  | { readonly kind: 'staying'; readonly why: WhyStays; readonly until?: number };

/**
 * What may go from a replica. Kept are: the newest snapshot from before the promised time, everything above it, the
 * newest file of each level, and level-0 files until what they hold is in a level-1 file, for a while, which they
 * always outlive if that file would blur moments further apart than `grain`.
 *
 * So every moment within `duration` can be restored to within `grain`, and those of the last `level0Duration` exactly;
 * and the newest state always.
 */
export function planRetention(held: Holdings, policy: RetentionPolicy, now: Milliseconds): RetentionPlan {
  const snapshots = held.level(SNAPSHOT_LEVEL);
  const cutoff = now - policy.duration - policy.grace;
  const baseIndex = snapshots.findLastIndex((snapshot) => snapshot.time <= cutoff);
  const base = snapshots[baseIndex];
  const going: Going[] = [];
  const staying: Staying[] = [];
  const follower = snapshots[baseIndex + 1];
  // The one after the base becomes the base once it is old enough.
  let next = follower === undefined ? Number.POSITIVE_INFINITY : follower.time + policy.duration + policy.grace;
  if (base === undefined && !hasAnythingBelow(held, follower)) next = Number.POSITIVE_INFINITY;
  for (const level of LEVELS) {
    const files = held.level(level);
    const verdictOf =
      level === 0 ? level0Verdicts(held, policy, base, now) : (file: HeldFile) => mergedVerdict(file, base);
    for (const [index, file] of files.entries()) {
      const verdict = verdictOf(file);
      if (verdict.kind === 'staying') {
        staying.push({ file, why: verdict.why });
        next = Math.min(next, verdict.until ?? next);
      } else if (index === files.length - 1) staying.push({ file, why: 'newest-of-its-level' });
      else going.push({ file, why: verdict.why });
    }
  }
  return { going, staying, next: Number.isFinite(next) ? milliseconds(next) : undefined };
}

function hasAnythingBelow(held: Holdings, snapshot: HeldFile | undefined): boolean {
  if (snapshot === undefined) return false;
  return LEVELS.some((level) => {
    const [first] = held.level(level);
    return first !== undefined && first !== snapshot && first.maxTxid <= snapshot.maxTxid;
  });
}

function mergedVerdict(file: HeldFile, base: HeldFile | undefined): Verdict {
  if (file === base) return { kind: 'staying', why: 'base' };
  const isBelow = base !== undefined && file.maxTxid <= base.maxTxid;
  return isBelow ? { kind: 'going', why: 'past-retention' } : { kind: 'staying', why: 'within-retention' };
}

/** Judges level-0 files, which must be asked for by rising TXID. */
function level0Verdicts(
  held: Holdings,
  policy: RetentionPolicy,
  base: HeldFile | undefined,
  now: Milliseconds,
): (file: HeldFile) => Verdict {
  const merged = held.level(1);
  const snapshots = held.level(SNAPSHOT_LEVEL);
  const keptFrom = policy.level0KeptFrom ?? Number.POSITIVE_INFINITY;
  let index = 0;
  let verdict: Verdict | undefined;
  return (file) => {
    if (file.maxTxid >= keptFrom) return { kind: 'staying', why: 'after-a-take-over', until: now + TAKE_OVER_LOOK };
    if (base !== undefined && file.maxTxid <= base.maxTxid) return { kind: 'going', why: 'past-retention' };
    for (; (merged[index]?.maxTxid ?? Number.POSITIVE_INFINITY) < file.maxTxid; index += 1) verdict = undefined;
    const over = merged[index];
    if (over === undefined || over.minTxid > file.minTxid) return { kind: 'staying', why: 'not-merged' };
    // All that it covers share one fate: one that lacks its predecessor is of no use.
    if (over.maxTxid >= keptFrom) return { kind: 'staying', why: 'after-a-take-over', until: now + TAKE_OVER_LOOK };
    verdict ??= mergedLevel0Verdict(file, over, snapshots, policy, now);
    return verdict;
  };
}

function mergedLevel0Verdict(
  first: HeldFile,
  over: HeldFile,
  snapshots: readonly HeldFile[],
  policy: RetentionPolicy,
  now: Milliseconds,
): Verdict {
  const until = Math.max(over.time, over.storedAt) + policy.level0Duration;
  if (isReachable(first, over, snapshots) && over.time - first.time > policy.grain)
    return { kind: 'staying', why: 'finer-than-the-merged' };
  return until <= now ? { kind: 'going', why: 'merged' } : { kind: 'staying', why: 'merged-lately', until };
}

/** Whether a restore can get to it, or past it: from where the merged file begins, or from a snapshot within that one's range. */
function isReachable(first: HeldFile, over: HeldFile, snapshots: readonly HeldFile[]): boolean {
  if (first.minTxid === over.minTxid) return true;
  const next = snapshots[firstEndingAbove(snapshots, (first.minTxid - 2) as Txid)];
  return next !== undefined && next.maxTxid < over.maxTxid;
}
