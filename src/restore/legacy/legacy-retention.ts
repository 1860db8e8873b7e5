import { type Milliseconds, milliseconds } from '../../quantities.ts';
import type { Generation, LegacySegment, LegacySnapshot, StoredGeneration } from './generations.ts';
import { keepsPromises } from './legacy-retention-proof.ts';

export type LegacyObject = LegacySnapshot | LegacySegment;

export interface LegacyRetentionPolicy {
  readonly now: Milliseconds;
  /** Every moment of so long ago or later stays restorable. */
  readonly retention: Milliseconds;
  /**
   * The time, by its header, of the oldest LTX snapshot that is there, listed and read, and newer than every object of
   * the generations: from then on the chain alone gives every moment. Undefined: none.
   */
  readonly chainFrom: Milliseconds | undefined;
}

/** What becomes of a generation. */
export interface GenerationVerdict {
  readonly generation: string;
  readonly removed: readonly LegacyObject[];
  readonly kept: readonly LegacyObject[];
  readonly why: string;
}

export interface LegacyRetentionPlan {
  readonly verdicts: readonly GenerationVerdict[];
  /** Keys to delete, in any order and to any part. */
  readonly keys: readonly string[];
  /** When more may go, if nothing is added; undefined: never. */
  readonly next: Milliseconds | undefined;
}

/**
 * Which objects of Litestream 0.3 backups are no longer needed, given whole generations.
 *
 * The moments still promised lie between the cutoff and the first LTX snapshot; each is given by the newest point at or
 * before it. So the points written in between are kept, and of those before the cutoff the newest one; and of each
 * generation that has such a point, the snapshot that leads to the first of them, and all after it. While there is no LTX
 * snapshot, that includes the newest restorable point, however old. Once there is one from before the cutoff, all may go.
 */
export function planLegacyRetention(
  generations: readonly (Generation & Partial<StoredGeneration>)[],
  policy: LegacyRetentionPolicy,
): LegacyRetentionPlan {
  const { now, retention, chainFrom } = policy;
  const cutoff = milliseconds(now - retention);
  const points = new Map(generations.map((generation) => [generation, pointsOf(generation)]));
  const judged = generations.map((generation) => judge(generation, points, cutoff, chainFrom));
  const removed = new Set(judged.flatMap((verdict) => verdict.removed));
  const isSound = removed.size === 0 || keepsPromises(generations, removed, { from: cutoff, chainFrom });
  const verdicts = isSound ? judged : judged.map(keptWhole);
  return {
    verdicts,
    keys: verdicts.flatMap((verdict) => verdict.removed.map(({ key }) => key)),
    next: nextChange(verdicts, policy, cutoff),
  };
}

function keptWhole({ generation, removed, kept }: GenerationVerdict): GenerationVerdict {
  const why = 'objects are missing among the backups: kept until the LTX snapshots reach back beyond the retention';
  return { generation, removed: [], kept: [...removed, ...kept], why };
}

/** Verdicts change as times pass the cutoff. */
function nextChange(
  verdicts: readonly GenerationVerdict[],
  { retention, chainFrom }: LegacyRetentionPolicy,
  cutoff: Milliseconds,
): Milliseconds | undefined {
  let next = Number.POSITIVE_INFINITY;
  const kept = verdicts.flatMap((verdict) => verdict.kept);
  if (kept.length === 0) return undefined;
  for (const { lastModified } of kept) if (lastModified > cutoff) next = Math.min(next, lastModified);
  if (chainFrom !== undefined && chainFrom > cutoff) next = Math.min(next, chainFrom);
  return Number.isFinite(next) ? milliseconds(next + retention) : undefined;
}

type Points = ReadonlyMap<Generation, readonly Milliseconds[]>;

function judge(
  generation: Generation & Partial<StoredGeneration>,
  points: Points,
  cutoff: Milliseconds,
  chainFrom: Milliseconds | undefined,
): GenerationVerdict {
  const { name, spares = [] } = generation;
  const objects = [...generation.snapshots, ...generation.segments];
  const verdict = (keeps: (object: LegacyObject) => boolean, why: string): GenerationVerdict => ({
    generation: name,
    removed: [...objects, ...spares].filter((object) => !keeps(object)),
    kept: [...objects, ...spares].filter(keeps),
    why,
  });
  if (chainFrom !== undefined && chainFrom <= cutoff) {
    return verdict(() => false, 'the LTX snapshots reach back beyond the retention');
  }
  // While a generation has no snapshot, one may be on its way.
  if (generation.snapshots.length === 0 && newestOf(objects) > cutoff)
    return verdict(() => true, 'it is being written');
  const first = firstNeeded(generation, points, cutoff);
  if (first === undefined) return verdict(() => false, 'a later backup gives every moment within the retention');
  const base = baseOf(generation, first);
  if (base === undefined) return verdict(() => true, 'its oldest snapshot is needed');
  const why = `its snapshot of WAL ${base.index} leads to the first moment within the retention`;
  return verdict((object) => object.index >= base.index, why);
}

/** The time of the first point that is needed of a generation; undefined where none is. */
function firstNeeded(generation: Generation, points: Points, cutoff: Milliseconds): Milliseconds | undefined {
  const own = points.get(generation) ?? [];
  const atCutoff = own.findLast((time) => time <= cutoff);
  const isNewestAtCutoff =
    atCutoff !== undefined &&
    [...points.values()].every((others) => (others.findLast((time) => time <= cutoff) ?? 0) <= atCutoff);
  return isNewestAtCutoff ? atCutoff : own.find((time) => time > cutoff);
}

/**
 * The newest snapshot that surely leads to a point: WAL was written after it, at or before the point. Not the snapshot
 * of the point itself: it may be ahead of its WAL, and is replaced when another of its index is taken.
 */
function baseOf({ snapshots, segments }: Generation, point: Milliseconds): LegacySnapshot | undefined {
  return snapshots.findLast((snapshot) =>
    segments.some(
      ({ index, lastModified }) =>
        index >= snapshot.index && lastModified > snapshot.lastModified && lastModified <= point,
    ),
  );
}

/** The times at which a generation begins to give another state, rising: none before its first snapshot. */
function pointsOf({ snapshots, segments }: Generation): readonly Milliseconds[] {
  const start = Math.min(...snapshots.map((snapshot) => snapshot.lastModified));
  return [...snapshots, ...segments]
    .map((object) => object.lastModified)
    .filter((time) => time >= start)
    .sort((a, b) => a - b);
}

/** There may be too many of them to be arguments of one call. */
function newestOf(objects: readonly LegacyObject[]): number {
  return objects.reduce((newest, { lastModified }) => Math.max(newest, lastModified), 0);
}
