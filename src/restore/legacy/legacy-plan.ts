import { type Bytes, bytes, type Milliseconds, milliseconds } from '../../quantities.ts';
import type { ExcludedKeys } from '../plan.ts';
import type { Generation, LegacySegment, LegacySnapshot } from './generations.ts';

/** How far a restore from a generation is to reach; nothing: to its end. */
export interface LegacyGoal {
  /** What the store has from later than this is not used. */
  readonly timestamp?: Milliseconds | undefined;
  /** Number of the last WAL file to use. */
  readonly index?: number | undefined;
}

/** A snapshot and the WAL that, replayed over it in this order, gives the newest state at or before the goal. */
export interface LegacyPlan {
  readonly format: 'litestream-0.3';
  readonly generation: string;
  readonly snapshot: LegacySnapshot;
  readonly segments: readonly LegacySegment[];
  readonly files: readonly [LegacySnapshot, ...LegacySegment[]];
  readonly bytes: Bytes;
  /** The store's time of the newest object used. */
  readonly timestamp: Milliseconds;
  /**
   * `yes`: a segment was written after the snapshot, so the WAL holds all that was in the database while it was read.
   * `unknown`: the snapshot may be ahead of the WAL, and then is no sound state.
   */
  readonly settled: 'yes' | 'unknown';
  /** Segments before the goal that cannot be reached: one before them is missing or excluded. */
  readonly unreachable: readonly LegacySegment[];
}

/** What is committed while a snapshot is taken is uploaded so much later at most: the longest `sync-interval`. */
const LONGEST_SYNC = 3_600_000;

/**
 * The way to the newest state of a generation at or before the goal; undefined where no snapshot leads there.
 *
 * Each WAL file that is used must begin with its first byte, and none between may be missing: the WAL of the snapshot's
 * own index was being written while it was taken, so all of it is replayed. Of several snapshots the one that leads
 * farthest is used, of those that lead equally far the newest; but a settled one whose WAL has no hole goes before the
 * others. One that is not settled because its WAL is missing, or was written after the goal, is never used: it may be a
 * mixture of two states.
 */
export function planGeneration(
  generation: Generation,
  goal: LegacyGoal,
  excluding: ExcludedKeys,
): LegacyPlan | undefined {
  const isInTime = (object: LegacySnapshot | LegacySegment) =>
    object.lastModified <= (goal.timestamp ?? Number.POSITIVE_INFINITY) &&
    object.index <= (goal.index ?? Number.POSITIVE_INFINITY);
  const isUsable = (object: LegacySnapshot | LegacySegment) => object.size > 0 && !excluding.has(object.key);
  const segments = withinTime(generation.segments, isInTime);
  const plans = generation.snapshots
    .filter((snapshot) => isInTime(snapshot) && isUsable(snapshot))
    .map((snapshot) => planFrom(generation.name, snapshot, segments, isUsable))
    .filter((plan) => plan.settled === 'yes' || (plan.unreachable.length === 0 && isQuiet(plan, generation.segments)));
  const whole = plans.filter((plan) => plan.settled === 'yes' && plan.unreachable.length === 0);
  return farthest(whole.length > 0 ? whole : plans);
}

/** Whether nothing was committed while the snapshot was taken, as the times of what was written next tell. */
function isQuiet({ snapshot, segments }: LegacyPlan, all: readonly LegacySegment[]): boolean {
  const next = all.filter(({ index }) => index === snapshot.index)[segments.length];
  return next === undefined || next.lastModified - snapshot.lastModified > LONGEST_SYNC;
}

/** Times rise with the segments: what comes after one that is too late is too late as well, whatever its own time. */
function withinTime(
  segments: readonly LegacySegment[],
  isInTime: (segment: LegacySegment) => boolean,
): readonly LegacySegment[] {
  const end = segments.findIndex((segment) => !isInTime(segment));
  return end < 0 ? segments : segments.slice(0, end);
}

function planFrom(
  generation: string,
  snapshot: LegacySnapshot,
  all: readonly LegacySegment[],
  isUsable: (segment: LegacySegment) => boolean,
): LegacyPlan {
  const ahead = all.filter((segment) => segment.index >= snapshot.index);
  let length = 0;
  for (let previous: LegacySegment | undefined; length < ahead.length; length += 1) {
    const segment = ahead[length];
    if (segment === undefined || !isUsable(segment) || !follows(segment, previous, snapshot.index)) break;
    previous = segment;
  }
  const segments = ahead.slice(0, length);
  const files = [snapshot, ...segments] as const;
  return {
    format: 'litestream-0.3',
    generation,
    snapshot,
    segments,
    files,
    bytes: bytes(files.reduce((sum, file) => sum + file.size, 0)),
    timestamp: milliseconds(Math.max(...[snapshot, ...segments.slice(-1)].map((file) => file.lastModified))),
    settled: segments.some((segment) => segment.lastModified > snapshot.lastModified) ? 'yes' : 'unknown',
    unreachable: ahead.slice(length),
  };
}

/** Whether a gap lies between two parts of one WAL file is seen when their content is read. */
function follows(segment: LegacySegment, previous: LegacySegment | undefined, first: number): boolean {
  if (previous !== undefined && segment.index === previous.index) return segment.offset > previous.offset;
  return segment.offset === 0 && segment.index === (previous === undefined ? first : previous.index + 1);
}

/** By rising index of their snapshots; the later wins where two reach equally far. */
function farthest(plans: readonly LegacyPlan[]): LegacyPlan | undefined {
  return plans.reduce<LegacyPlan | undefined>(
    (best, plan) => (best === undefined || compareEnds(plan, best) >= 0 ? plan : best),
    undefined,
  );
}

function compareEnds(a: LegacyPlan, b: LegacyPlan): number {
  const [one, other] = [a, b].map(({ snapshot, segments }) => segments.at(-1) ?? { index: snapshot.index, offset: -1 });
  return (one?.index ?? 0) - (other?.index ?? 0) || (one?.offset ?? 0) - (other?.offset ?? 0);
}
