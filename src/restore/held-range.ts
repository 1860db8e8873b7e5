import { formatTxid } from '../ltx/file-name.ts';
import type { LtxHeader } from '../ltx/header.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { describeTime } from './describe.ts';
import type { Inventory } from './inventory.ts';
import { restorablePoints } from './plan.ts';
import { readPoint } from './position.ts';

/** From which moment to which a replica's LTX files can be restored. */
export interface HeldRange {
  readonly from: LtxHeader;
  readonly to: LtxHeader;
}

/** Where more headers than this are damaged in a row, the range is not worth the round trips. */
const MOST_ROUNDS = 8;

/**
 * The oldest and the newest point that can be restored, as the headers of files that end there tell; what is damaged is
 * left aside. Two small reads.
 * @param excluded files known to be damaged; those found now are added
 * @returns undefined where there is no such point, or too much damage
 * @throws what the store's methods throw
 */
export async function readHeldRange(
  store: ObjectStore,
  inventory: Inventory,
  excluded: Map<string, string>,
  signal: AbortSignal,
): Promise<HeldRange | undefined> {
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const points = restorablePoints(inventory, excluded);
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const read = (point: typeof first) => readPoint(store, inventory, point, excluded, signal);
    const [from, to] = await Promise.all([read(first), read(last)]);
    for (const [key, reason] of [...from.damaged, ...to.damaged]) excluded.set(key, reason);
    if (from.damaged.length + to.damaged.length > 0) continue;
    if (from.header === undefined || to.header === undefined) return undefined;
    return { from: from.header, to: to.header };
  }
  return undefined;
}

/** As both `-timestamp` and `-txid` take it. */
export function describeHeldRange({ from, to }: HeldRange): string {
  const point = ({ timestamp, maxTxid }: LtxHeader) => `${describeTime(timestamp)} (TXID ${formatTxid(maxTxid)})`;
  return `it holds ${point(from)} to ${point(to)}`;
}
