import { type Milliseconds, milliseconds } from '../../quantities.ts';
import type { Generation, LegacySegment, LegacySnapshot } from './generations.ts';

type LegacyObject = LegacySnapshot | LegacySegment;

export interface LegacyRetentionPolicy {
  readonly now: Milliseconds;
  /** Every moment of so long ago or later stays restorable. */
  readonly retention: Milliseconds;
  /**
   * The time, by its header, of the oldest LTX snapshot that is there, listed and read: from then on the chain alone
   * gives every moment. Undefined: none.
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
  /** Keys to delete. */
  readonly keys: readonly string[];
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
  generations: readonly Generation[],
  policy: LegacyRetentionPolicy,
): LegacyRetentionPlan {
  const cutoff = milliseconds(policy.now - policy.retention);
  const verdicts = generations.map((generation) => judge(generation, generations, cutoff, policy.chainFrom));
  return { verdicts, keys: verdicts.flatMap(({ removed }) => removed.map(({ key }) => key)) };
}

function judge(
  generation: Generation,
  all: readonly Generation[],
  cutoff: Milliseconds,
  chainFrom: Milliseconds | undefined,
): GenerationVerdict {
  const { name } = generation;
  const objects = objectsOf(generation);
  const verdict = (keeps: (object: LegacyObject) => boolean, why: string): GenerationVerdict => ({
    generation: name,
    removed: objects.filter((object) => !keeps(object)),
    kept: objects.filter(keeps),
    why,
  });
  if (chainFrom !== undefined && chainFrom <= cutoff) {
    return verdict(() => false, 'the LTX snapshots reach back beyond the retention');
  }
  // While a generation has no snapshot, one may be on its way.
  if (generation.snapshots.length === 0 && newestOf(objects) > cutoff)
    return verdict(() => true, 'it is being written');
  const first = firstNeeded(generation, all, cutoff);
  if (first === undefined) return verdict(() => false, 'a later backup gives every moment within the retention');
  const base = baseOf(generation, first);
  if (base === undefined) return verdict(() => true, 'its oldest snapshot is needed');
  const why = `its snapshot of WAL ${base.index} leads to the first moment within the retention`;
  return verdict((object) => object.index >= base.index, why);
}

/** The time of the first point that is needed of a generation; undefined where none is. */
function firstNeeded(
  generation: Generation,
  all: readonly Generation[],
  cutoff: Milliseconds,
): Milliseconds | undefined {
  const points = pointsOf(generation);
  const atCutoff = points.findLast((time) => time <= cutoff);
  const isNewestAtCutoff =
    atCutoff !== undefined &&
    all.every((other) => other === generation || (pointsOf(other).findLast((time) => time <= cutoff) ?? 0) <= atCutoff);
  return isNewestAtCutoff ? atCutoff : points.find((time) => time > cutoff);
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
function pointsOf(generation: Generation): readonly Milliseconds[] {
  const start = Math.min(...generation.snapshots.map((snapshot) => snapshot.lastModified));
  return objectsOf(generation)
    .map((object) => object.lastModified)
    .filter((time) => time >= start)
    .sort((a, b) => a - b);
}

function objectsOf({ snapshots, segments }: Generation): readonly LegacyObject[] {
  return [...snapshots, ...segments];
}

function newestOf(objects: readonly LegacyObject[]): number {
  return Math.max(0, ...objects.map((object) => object.lastModified));
}
