import { type Milliseconds, milliseconds } from '../../quantities.ts';
import type { Generation, LegacySegment, LegacySnapshot } from './generations.ts';
import { planGeneration } from './legacy-plan.ts';

interface Promised {
  /** From when on every moment was promised. */
  readonly from: Milliseconds;
  /** From when on the LTX chain gives every moment; undefined: never. */
  readonly chainFrom: Milliseconds | undefined;
}

/**
 * Holds a plan against the restore's own planning, whatever made it: without what is to go, the first and the last moment
 * that only these generations can give are restored as before. A generation that lacks objects is not what its times say.
 */
export function keepsPromises(
  generations: readonly Generation[],
  removed: ReadonlySet<LegacySnapshot | LegacySegment>,
  { from, chainFrom }: Promised,
): boolean {
  if (chainFrom !== undefined && chainFrom <= from) return true;
  const left = generations.map(({ name, snapshots, segments }) => ({
    name,
    snapshots: snapshots.filter((snapshot) => !removed.has(snapshot)),
    segments: segments.filter((segment) => !removed.has(segment)),
  }));
  const last = chainFrom === undefined ? undefined : milliseconds(chainFrom - 1);
  return [from, last].every((moment) => newestAt(left, moment) === newestAt(generations, moment));
}

/** Names the newest state at or before a moment; undefined: of all. Which snapshot leads to it makes no difference. */
function newestAt(generations: readonly Generation[], moment: Milliseconds | undefined): string | undefined {
  const plans = generations.flatMap((generation) => planGeneration(generation, { timestamp: moment }, new Set()) ?? []);
  const [newest] = plans.sort((a, b) => b.timestamp - a.timestamp);
  return newest === undefined ? undefined : (newest.segments.at(-1) ?? newest.snapshot).key;
}
