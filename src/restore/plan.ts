import { type Bytes, bytes, type Txid, txid } from '../quantities.ts';
import type { Inventory, ReplicaFile } from './inventory.ts';

/** How far a plan is to reach. */
export type PlanGoal = { readonly kind: 'newest' } | { readonly kind: 'txid'; readonly txid: Txid };

/** Files which, applied in this order, give the database as of `txid`. The first is a snapshot (min TXID 1). */
export interface RestorePlan {
  readonly format?: undefined;
  readonly files: readonly [ReplicaFile, ...ReplicaFile[]];
  readonly txid: Txid;
  readonly bytes: Bytes;
  /** TXIDs above `txid` that are listed but cannot be reached: a file between is missing or excluded. */
  readonly unreachable: TxidRange | undefined;
}

/** Keys of files that are not to be used: a set, or a map to the reason. */
export type ExcludedKeys = { has(key: string): boolean };

export interface TxidRange {
  readonly from: Txid;
  readonly to: Txid;
}

export type PlanResult =
  | { readonly kind: 'plan'; readonly plan: RestorePlan }
  /** No file at all. */
  | { readonly kind: 'empty' }
  /** Files, but no snapshot to start from (or only excluded ones). */
  | { readonly kind: 'no-snapshot' }
  /** The TXID asked for is no point of this replica: the nearest below and above it, where there are any. */
  | { readonly kind: 'not-available'; readonly below: Txid | undefined; readonly above: Txid | undefined };

/** What one more request is worth, in bytes: the time of a round trip spent downloading. */
const REQUEST_COST = 256 * 1024;

/** An LTX header's size: what is smaller is no LTX file, whatever its name. */
const LEAST_SIZE = 100;

export function isLargeEnough({ size }: Pick<ReplicaFile, 'size'>): boolean {
  return size >= LEAST_SIZE;
}

/** The cheapest way to one TXID: a file, and the way to what it builds on. */
interface Route {
  readonly file: ReplicaFile;
  readonly previous: Route | undefined;
  readonly cost: number;
}

/**
 * The cheapest sequence of files that reaches the goal: the first holds every page (min TXID 1), each next one begins
 * no later than one past the end of the one before, and ends later. Overlaps are sound: a file holds, of every page
 * changed in its range, the image as of its end.
 *
 * Every way is considered, not only stock Litestream's (its newest snapshot, then the farthest-reaching file each
 * time), so that with the newest snapshot `excluding`, an older one and the files since are found.
 * O(n log n) in the number of files.
 */
export function planRestore(
  inventory: Inventory,
  goal: PlanGoal,
  excluding: ExcludedKeys = new Set<string>(),
): PlanResult {
  if (inventory.files.length === 0) return { kind: 'empty' };
  const limit = goal.kind === 'txid' ? goal.txid : inventory.newestListed;
  const routes = findRoutes(inventory, excluding);
  const route = routes.findLast((candidate) => candidate.file.maxTxid <= limit);
  if (goal.kind === 'txid' && route?.file.maxTxid !== goal.txid) {
    const above = routes.find((candidate) => candidate.file.maxTxid > goal.txid);
    return { kind: 'not-available', below: route?.file.maxTxid, above: above?.file.maxTxid };
  }
  if (route === undefined) return { kind: 'no-snapshot' };
  return { kind: 'plan', plan: planOf(route, limit) };
}

/** Every TXID that can be restored, rising. */
export function restorablePoints(inventory: Inventory, excluding: ExcludedKeys = new Set<string>()): readonly Txid[] {
  return findRoutes(inventory, excluding).map((route) => route.file.maxTxid);
}

/** The cheapest route to each TXID that can be reached, by rising TXID. */
function findRoutes(inventory: Inventory, excluding: ExcludedKeys): readonly Route[] {
  const usable = inventory.files.filter((file) => isLargeEnough(file) && !excluding.has(file.key));
  const byEnd = Map.groupBy(usable, (file) => file.maxTxid);
  const routes: Route[] = [];
  /** Routes which no later one undercuts: TXID and cost both rise, so the first that reaches far enough is cheapest. */
  const frontier: Route[] = [];
  for (const end of [...byEnd.keys()].sort((a, b) => a - b)) {
    const best = cheapest((byEnd.get(end) ?? []).flatMap((file) => routeThrough(file, frontier)));
    if (best === undefined) continue;
    routes.push(best);
    while ((frontier.at(-1)?.cost ?? -1) >= best.cost) frontier.pop();
    frontier.push(best);
  }
  return routes;
}

function routeThrough(file: ReplicaFile, frontier: readonly Route[]): readonly Route[] {
  const own = file.size + REQUEST_COST;
  if (file.minTxid === 1) return [{ file, previous: undefined, cost: own }];
  const previous = firstReaching(frontier, file.minTxid - 1);
  return previous === undefined ? [] : [{ file, previous, cost: previous.cost + own }];
}

/** Binary search for the first route that ends at `end` or later. */
function firstReaching(frontier: readonly Route[], end: number): Route | undefined {
  let low = 0;
  let high = frontier.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((frontier[middle]?.file.maxTxid ?? 0) >= end) high = middle;
    else low = middle + 1;
  }
  return frontier[low];
}

function cheapest(routes: readonly Route[]): Route | undefined {
  return routes.reduce<Route | undefined>(
    (best, route) => (best === undefined || route.cost < best.cost ? route : best),
    undefined,
  );
}

function planOf(last: Route, limit: Txid): RestorePlan {
  const earlier: ReplicaFile[] = [];
  for (let route: Route | undefined = last; route !== undefined; route = route.previous) earlier.push(route.file);
  const [first = last.file, ...rest] = earlier.reverse();
  const reached = last.file.maxTxid;
  return {
    files: [first, ...rest],
    txid: reached,
    bytes: bytes(earlier.reduce((sum, file) => sum + file.size, 0)),
    unreachable: reached < limit ? { from: txid(reached + 1), to: limit } : undefined,
  };
}
