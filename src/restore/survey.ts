import { StationError } from '../errors.ts';
import type { LtxHeader } from '../ltx/header.ts';
import type { Milliseconds, Txid } from '../quantities.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { ReplicaAnswer } from './answer.ts';
import { describeTime } from './describe.ts';
import { type Inventory, type ReplicaFile, unreadableBackupError } from './inventory.ts';
import { type PlanResult, planRestore, type RestorePlan, restorablePoints } from './plan.ts';
import { isDamage, readPoint, readPosition } from './position.ts';
import type { NamedReplica, RestoreTarget } from './restore-options.ts';

/** A replica's answer, and the way to what it promises. */
export interface Survey {
  readonly answer: ReplicaAnswer;
  readonly plan: RestorePlan | undefined;
  /** Keys of files known to be damaged, those given and those found now. */
  readonly excluded: ReadonlySet<string>;
}

/**
 * Finds the newest point of a replica at or before the target, and proves the header of a file that ends there.
 * Where it is damaged, the search goes on without that file.
 * @param excluding keys of files already known to be damaged
 * @throws what the store's methods throw
 */
export async function surveyInventory(
  replica: NamedReplica,
  inventory: Inventory,
  target: RestoreTarget,
  excluding: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Survey> {
  const excluded = new Set(excluding);
  for (;;) {
    const result = await planTarget(replica.store, inventory, target, excluded, signal);
    if (result.kind !== 'plan') {
      return { answer: withoutPlan(replica, inventory, target, result, excluded), plan: undefined, excluded };
    }
    const { plan } = result;
    const point = await readPoint(replica.store, inventory, plan.txid, excluded, signal);
    for (const key of point.damaged) excluded.add(key);
    const { header, file } = point;
    if (header === undefined || file === undefined || plan.files.some((planned) => excluded.has(planned.key))) continue;
    const position = await positionOrDamage(replica.store, plan, { header, file }, signal);
    if (position !== undefined) return { answer: { kind: 'holds', replica: replica.name, position }, plan, excluded };
    excluded.add(file.key);
  }
}

async function positionOrDamage(
  store: ObjectStore,
  plan: RestorePlan,
  point: { readonly header: LtxHeader; readonly file: ReplicaFile },
  signal: AbortSignal,
) {
  try {
    return await readPosition(store, plan, point, signal);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return undefined;
  }
}

async function planTarget(
  store: ObjectStore,
  inventory: Inventory,
  target: RestoreTarget,
  excluded: Set<string>,
  signal: AbortSignal,
): Promise<PlanResult> {
  if (target.kind !== 'timestamp') return planRestore(inventory, target, excluded);
  const point = await findPointAt(store, inventory, target.timestamp, excluded, signal);
  if (point === undefined) return planRestore(inventory, { kind: 'txid', txid: 0 as Txid }, excluded);
  // The newest of all is planned as such, so that files listed above it and out of reach are told of.
  const isNewest = point === restorablePoints(inventory, excluded).at(-1);
  return planRestore(inventory, isNewest ? { kind: 'newest' } : { kind: 'txid', txid: point }, excluded);
}

/**
 * The last restorable point captured at or before a time, by binary search over the headers: a handful of 100-byte
 * reads. Headers decide, not the listing's times: on S3 those are when the object was uploaded.
 */
async function findPointAt(
  store: ObjectStore,
  inventory: Inventory,
  timestamp: Milliseconds,
  excluded: Set<string>,
  signal: AbortSignal,
): Promise<Txid | undefined> {
  let points = restorablePoints(inventory, excluded);
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const point = points[middle];
    if (point === undefined) break;
    const { header, damaged } = await readPoint(store, inventory, point, excluded, signal);
    for (const key of damaged) excluded.add(key);
    if (damaged.length > 0) {
      points = restorablePoints(inventory, excluded);
      low = 0;
      high = points.length;
    } else if ((header?.timestamp ?? 0) <= timestamp) low = middle + 1;
    else high = middle;
  }
  return points[low - 1];
}

function withoutPlan(
  replica: NamedReplica,
  inventory: Inventory,
  target: RestoreTarget,
  result: Exclude<PlanResult, { kind: 'plan' }>,
  excluded: ReadonlySet<string>,
): ReplicaAnswer {
  const unsound = (error: StationError): ReplicaAnswer => ({
    kind: 'unsound',
    replica: replica.name,
    newestListed: inventory.newestListed,
    error,
  });
  if (result.kind === 'empty') {
    if (inventory.unreadable === undefined) return { kind: 'empty', replica: replica.name };
    return unsound(unreadableBackupError(inventory.unreadable, replica.store.url));
  }
  const { url } = replica.store;
  if (result.kind === 'no-snapshot' || restorablePoints(inventory, excluded).length === 0) {
    const damaged = excluded.size > 0 ? ` (${excluded.size} damaged: ${[...excluded].slice(0, 5).join(', ')})` : '';
    const found = `${inventory.files.length} LTX files up to TXID ${inventory.newestListed}${damaged}`;
    return unsound(new StationError('RESTORE_NO_SOUND_COPY', `${url} holds ${found}, but no sound one to start from`));
  }
  return unsound(
    new StationError('RESTORE_NOT_AVAILABLE', `${url} does not hold ${describeTarget(target)}${nearest(result)}`),
  );
}

function describeTarget(target: RestoreTarget): string {
  if (target.kind === 'timestamp') return `a state of ${describeTime(target.timestamp)} or before`;
  return target.kind === 'txid' ? `TXID ${target.txid} as a point of its own` : 'a database';
}

function nearest(result: {
  readonly kind: string;
  readonly below?: Txid | undefined;
  readonly above?: Txid | undefined;
}) {
  const points = [result.below, result.above].filter((point) => point !== undefined);
  return points.length === 0 ? '' : `; the nearest it holds: ${points.map((point) => `TXID ${point}`).join(', ')}`;
}
