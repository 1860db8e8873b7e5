import type { ObjectStore } from '../../storage/object-store.ts';
import { describeTime } from '../describe.ts';
import { type LegacySegment, listSegments, listSnapshots } from './generations.ts';
import { formatIndex } from './legacy-key.ts';
import { type LegacyPlan, planGeneration } from './legacy-plan.ts';
import { beginsSoundly, findNewestPlan } from './newest-plan.ts';

/** From which moment to which the generations of a replica can be restored. */
export interface LegacyRange {
  readonly from: LegacyPlan;
  readonly to: LegacyPlan;
}

/** Where from more snapshots than this of a generation nothing can be restored, it is left aside. */
const MOST_SNAPSHOTS = 8;

/**
 * The oldest and the newest state that can be restored, as a restore of that moment would plan them.
 * @param names the generations that count
 * @param excluded objects known to be damaged; those found now are added
 * @returns undefined where there is no such state
 * @throws what the store's methods throw
 */
export async function readLegacyRange(
  store: ObjectStore,
  names: readonly string[],
  excluded: Map<string, string>,
  signal: AbortSignal,
): Promise<LegacyRange | undefined> {
  const { plan: to } = await findNewestPlan(store, names, {}, excluded, signal);
  if (to === undefined) return undefined;
  let from = to;
  for (const name of names) {
    const first = await findOldestPlan(store, name, excluded, signal);
    if (first !== undefined && first.timestamp < from.timestamp) from = first;
  }
  return { from, to };
}

/** As `-timestamp`, and `-generation` with `-index`, take it. */
export function describeLegacyRange({ from, to }: LegacyRange): string {
  const point = ({ timestamp, generation, snapshot, segments }: LegacyPlan) => {
    const { index } = segments.at(-1) ?? snapshot;
    return `${describeTime(timestamp)} (generation ${generation}, WAL ${formatIndex(index)})`;
  };
  return `${point(from)} to ${point(to)}`;
}

async function findOldestPlan(
  store: ObjectStore,
  name: string,
  excluded: Map<string, string>,
  signal: AbortSignal,
): Promise<LegacyPlan | undefined> {
  const snapshots = (await listSnapshots(store, name, signal)).filter(({ key }) => !excluded.has(key));
  for (const snapshot of snapshots.slice(0, MOST_SNAPSHOTS)) {
    const later = (segment: LegacySegment) => segment.lastModified > snapshot.lastModified;
    const segments = await listSegments(store, name, snapshot.index, signal, later);
    // The snapshot alone may be no sound state, until the first WAL that was written after it.
    const timestamp = segments.find(later)?.lastModified ?? snapshot.lastModified;
    const plan = planGeneration({ name, snapshots: [snapshot], segments }, { timestamp }, excluded);
    if (plan !== undefined && (await beginsSoundly(store, plan, excluded, signal))) return plan;
  }
  return undefined;
}
