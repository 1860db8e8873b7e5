import { isStationError } from '../../errors.ts';
import type { Milliseconds } from '../../quantities.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { endsBy } from './generation-end.ts';
import { type Generation, listSegments, listSnapshots } from './generations.ts';
import { type LegacyGoal, type LegacyPlan, planGeneration } from './legacy-plan.ts';
import { probeObject } from './open-object.ts';

/** The way to the newest state of some generations at or before a goal. */
export interface NewestPlan {
  /** Undefined: nothing leads to any. */
  readonly plan: LegacyPlan | undefined;
  /** Those that were not left aside, with all snapshots, and the segments from the snapshot on that was tried last. */
  readonly generations: readonly Generation[];
}

/**
 * Plans with names and times, and looks at the objects that the plan begins and ends with.
 * @param excluded objects that are known to be damaged; those found now are added
 * @param after generations that end by then are left aside; undefined: none
 * @throws what the store's methods throw
 */
export async function findNewestPlan(
  store: ObjectStore,
  names: readonly string[],
  goal: LegacyGoal,
  excluded: Map<string, string>,
  signal: AbortSignal,
  after?: Milliseconds,
): Promise<NewestPlan> {
  for (;;) {
    const found = await planNewest(store, names, goal, excluded, signal, after);
    if (found.plan === undefined || (await beginsSoundly(store, found.plan, excluded, signal))) return found;
  }
}

/** False where an object the plan begins or ends with is none of 0.3's, which is then among the excluded. */
export async function beginsSoundly(
  store: ObjectStore,
  { snapshot, segments }: LegacyPlan,
  excluded: Map<string, string>,
  signal: AbortSignal,
): Promise<boolean> {
  for (const file of [snapshot, ...segments.slice(-1)]) {
    try {
      await probeObject(store, file, signal);
    } catch (error) {
      if (!isStationError(error, 'LEGACY_DAMAGED')) throw error;
      excluded.set(file.key, error.message);
      return false;
    }
  }
  return true;
}

export function isWithin({ timestamp, index }: LegacyGoal, time: number, at: number): boolean {
  return time <= (timestamp ?? Number.POSITIVE_INFINITY) && at <= (index ?? Number.POSITIVE_INFINITY);
}

async function planNewest(
  store: ObjectStore,
  names: readonly string[],
  goal: LegacyGoal,
  excluded: Map<string, string>,
  signal: AbortSignal,
  after: Milliseconds | undefined,
): Promise<NewestPlan> {
  const generations: Generation[] = [];
  const plans: { readonly plan: LegacyPlan; readonly began: number }[] = [];
  for (const name of names) {
    const snapshots = await listSnapshots(store, name, signal);
    if (after !== undefined && (await endsBy(store, name, snapshots, after, signal))) continue;
    const { generation, plan } = await surveyGeneration(store, { name, snapshots }, goal, excluded, signal);
    generations.push(generation);
    if (plan !== undefined) plans.push({ plan, began: beginningOf(generation) });
  }
  // Some stores tell times in whole seconds, and a new generation may begin in the one in which the last ended.
  const [newest] = plans.sort((a, b) => b.plan.timestamp - a.plan.timestamp || b.began - a.began);
  return { plan: newest?.plan, generations };
}

async function surveyGeneration(
  store: ObjectStore,
  { name, snapshots }: Omit<Generation, 'segments'>,
  goal: LegacyGoal,
  excluded: Map<string, string>,
  signal: AbortSignal,
): Promise<{ readonly generation: Generation; readonly plan: LegacyPlan | undefined }> {
  const usable = snapshots.filter(
    (snapshot) => !excluded.has(snapshot.key) && isWithin(goal, snapshot.lastModified, snapshot.index),
  );
  let generation: Generation = { name, snapshots, segments: [] };
  let plan: LegacyPlan | undefined;
  // A snapshot just taken may be ahead of its WAL, or its WAL be damaged; older ones are listed for only then.
  for (const [tries, snapshot] of usable.toReversed().entries()) {
    const segments = await listSegments(store, name, snapshot.index, signal);
    generation = { name, snapshots: snapshots.filter(({ index }) => index >= snapshot.index), segments };
    for (const { key, size } of [snapshot, ...segments])
      if (size === 0) excluded.set(key, `${store.url}/${key} is empty`);
    plan = planGeneration(generation, goal, excluded);
    if (plan?.settled === 'yes' || (plan !== undefined && tries > 0)) break;
  }
  return { generation: { ...generation, snapshots }, plan };
}

function beginningOf({ snapshots, segments }: Generation): number {
  return Math.min(...[...snapshots, ...segments.slice(0, 1)].map((object) => object.lastModified));
}
