import { StationError } from '../errors.ts';
import { formatTxid } from '../ltx/file-name.ts';
import type { Milliseconds, Txid } from '../quantities.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { LtxAnswer, LtxPosition, ReplicaAnswer } from './answer.ts';
import { describeTime } from './describe.ts';
import { describeHeldRange, readHeldRange } from './held-range.ts';
import { type Inventory, otherLayoutError } from './inventory.ts';
import { listGenerations } from './legacy/generations.ts';
import type { LegacyPlan } from './legacy/legacy-plan.ts';
import { answerWithLegacy, surveyLegacy } from './legacy/legacy-survey.ts';
import { type PlanResult, planRestore, type RestorePlan, restorablePoints } from './plan.ts';
import { isDamage, readHeader, readPoint, readPosition } from './position.ts';
import type { NamedReplica, RestoreTarget } from './restore-target.ts';

/** Files that are not to be used: key, and what is wrong. */
export type ExcludedFiles = Iterable<readonly [key: string, reason: string]>;

/** A replica's answer, and the way to what it promises. */
export interface Survey {
  readonly answer: ReplicaAnswer;
  readonly plan: RestorePlan | LegacyPlan | undefined;
  /** Files that cannot be used, those known before and those found now: key, and what is wrong. */
  readonly excluded: ReadonlyMap<string, string>;
  /** Whether anything is listed of later than the state that the target comes to. */
  readonly holdsLater: boolean;
}

/** The same for the LTX files alone. */
interface LtxSurvey extends Omit<Survey, 'holdsLater'> {
  readonly answer: LtxAnswer;
  readonly plan: RestorePlan | undefined;
}

/** What a target asks of LTX files. */
type LtxTarget = Exclude<RestoreTarget, { kind: 'litestream-0.3' }>;

/**
 * Finds the newest point of a replica at or before the target: of its LTX files, or of the Litestream 0.3 backup beside
 * them, whichever is later.
 * @param excluding files already known to be damaged
 * @throws what the store's methods throw
 */
export async function surveyReplica(
  replica: NamedReplica,
  inventory: Inventory,
  target: RestoreTarget,
  excluding: ExcludedFiles,
  signal: AbortSignal,
): Promise<Survey> {
  const ltxTarget: LtxTarget = target.kind === 'litestream-0.3' ? { kind: 'newest' } : target;
  // A TXID is a point of LTX files alone.
  const asksForLegacy = target.kind !== 'txid' || inventory.files.length === 0;
  const generations = asksForLegacy ? listGenerations(replica.store, signal) : Promise.resolve([]);
  generations.catch(() => undefined);
  const ltx = await surveyInventory(replica, inventory, ltxTarget, excluding, signal);
  const excluded = new Map(ltx.excluded);
  const legacy = await surveyLegacy(replica, await generations, target, ltx.answer, excluded, signal);
  const { answer, plan } = answerWithLegacy(replica, target, ltx.answer, legacy);
  const holdsLater =
    (ltx.plan?.txid ?? 0) < inventory.newestListed ||
    (legacy.kind === 'plan' ? legacy.holdsLater : legacy.kind !== 'none');
  return { answer, plan: plan ?? (answer === ltx.answer ? ltx.plan : undefined), excluded, holdsLater };
}

/**
 * Finds the newest point of the LTX files at or before the target, and proves the headers of a file that ends there and of
 * the one the plan starts from. Where one is damaged, the search goes on without it.
 * @param excluding files already known to be damaged
 * @throws what the store's methods throw
 */
async function surveyInventory(
  replica: NamedReplica,
  inventory: Inventory,
  target: LtxTarget,
  excluding: ExcludedFiles,
  signal: AbortSignal,
): Promise<LtxSurvey> {
  const excluded = new Map(excluding);
  for (let rounds = 0; ; rounds += 1) {
    // A TXID asked for is a point or it is not, and a time has its own search.
    if (rounds > 0 && target.kind === 'newest') {
      const next = restorablePoints(inventory, excluded).slice(-manyAtOnce(rounds));
      await excludeDamaged(replica.store, inventory, next, excluded, signal);
    }
    const result = await planTarget(replica.store, inventory, target, excluded, signal);
    if (result.kind !== 'plan') {
      const answer = await withoutPlan(replica, inventory, target, result, excluded, signal);
      return { answer, plan: undefined, excluded };
    }
    const { plan } = result;
    const known = excluded.size;
    const position = await proveEnds(replica.store, inventory, plan, excluded, signal);
    if (position !== undefined) return { answer: { kind: 'holds', replica: replica.name, position }, plan, excluded };
    if (excluded.size === known) throw new StationError('INTERNAL', `no header found for TXID ${plan.txid}`);
  }
}

/**
 * Damage seldom comes alone. After one damaged header those of the points near it are read together, twice as many each
 * time: else thousands of damaged files would cost as many round trips, one after the other.
 */
async function excludeDamaged(
  store: ObjectStore,
  inventory: Inventory,
  points: readonly Txid[],
  excluded: Map<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const known = new Set(excluded.keys());
  const readings = await Promise.all(points.map((point) => readPoint(store, inventory, point, known, signal)));
  for (const [key, reason] of readings.flatMap((reading) => reading.damaged)) excluded.set(key, reason);
}

const manyAtOnce = (rounds: number) => Math.min(32, 2 ** rounds);

/** The position at the plan's end; undefined where a header was found damaged, which is then among the excluded. */
async function proveEnds(
  store: ObjectStore,
  inventory: Inventory,
  plan: RestorePlan,
  excluded: Map<string, string>,
  signal: AbortSignal,
): Promise<LtxPosition | undefined> {
  const point = await readPoint(store, inventory, plan.txid, excluded, signal);
  for (const [key, reason] of point.damaged) excluded.set(key, reason);
  const { header, file } = point;
  if (header === undefined || file === undefined || plan.files.some((one) => excluded.has(one.key))) return undefined;
  const [first] = plan.files;
  const last = plan.files.at(-1) ?? first;
  const start = first === file ? header : await orExclude(first.key, excluded, () => readHeader(store, first, signal));
  if (start === undefined) return undefined;
  if (start.pageSize === header.pageSize) {
    return orExclude(file.key, excluded, () => readPosition(store, plan, { header, file }, signal));
  }
  // Files of another database, of which no snapshot follows: what came before them can still be restored.
  const reason = `${store.url}/${file.key}: has pages of ${header.pageSize} bytes, the snapshot before it ${start.pageSize}`;
  excluded.set(file.key, reason).set(last.key, reason);
  return undefined;
}

async function orExclude<T>(
  key: string,
  excluded: Map<string, string>,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isDamage(error)) throw error;
    excluded.set(key, error.message);
    return undefined;
  }
}

async function planTarget(
  store: ObjectStore,
  inventory: Inventory,
  target: LtxTarget,
  excluded: Map<string, string>,
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
  excluded: Map<string, string>,
  signal: AbortSignal,
): Promise<Txid | undefined> {
  let points = restorablePoints(inventory, excluded);
  let low = 0;
  let high = points.length;
  let rounds = 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const point = points[middle];
    if (point === undefined) break;
    const { header, damaged } = await readPoint(store, inventory, point, excluded, signal);
    for (const [key, reason] of damaged) excluded.set(key, reason);
    if (damaged.length > 0) {
      rounds += 1;
      const near = points.slice(Math.max(0, middle - manyAtOnce(rounds)), middle + manyAtOnce(rounds));
      await excludeDamaged(store, inventory, near, excluded, signal);
      points = restorablePoints(inventory, excluded);
      low = 0;
      high = points.length;
    } else if ((header?.timestamp ?? 0) <= timestamp) low = middle + 1;
    else high = middle;
  }
  return points[low - 1];
}

async function withoutPlan(
  replica: NamedReplica,
  inventory: Inventory,
  target: LtxTarget,
  result: Exclude<PlanResult, { kind: 'plan' }>,
  excluded: Map<string, string>,
  signal: AbortSignal,
): Promise<LtxAnswer> {
  const unsound = (error: StationError): LtxAnswer => ({
    kind: 'unsound',
    replica: replica.name,
    newestListed: inventory.newestListed,
    error,
  });
  if (result.kind === 'empty') {
    if (inventory.unreadable === undefined) return { kind: 'empty', replica: replica.name };
    return unsound(otherLayoutError(replica.store.url));
  }
  const { store } = replica;
  const range = result.kind === 'no-snapshot' ? undefined : await readHeldRange(store, inventory, excluded, signal);
  if (range === undefined && restorablePoints(inventory, excluded).length === 0) {
    const damaged =
      excluded.size > 0 ? ` (${excluded.size} damaged: ${[...excluded.keys()].slice(0, 5).join(', ')})` : '';
    const found = `${inventory.files.length} LTX files up to TXID ${formatTxid(inventory.newestListed)}${damaged}`;
    const message = `${store.url} holds ${found}, but no sound one to start from`;
    const hint =
      'the files that others build on are missing or damaged; "verify" names them, and the next snapshot makes it whole';
    return unsound(new StationError('RESTORE_NO_SOUND_COPY', message, { hint }));
  }
  const held = range === undefined ? '' : `; ${describeHeldRange(range)}`;
  const nearest = target.kind === 'txid' ? describeNearest(result) : '';
  const message = `${store.url} does not hold ${describeTarget(target)}${nearest}${held}`;
  const hint = '"ltx" lists what is held: the state at each max_txid can be restored';
  return unsound(new StationError('RESTORE_NOT_AVAILABLE', message, { hint }));
}

function describeTarget(target: LtxTarget): string {
  if (target.kind === 'timestamp') return `a state of ${describeTime(target.timestamp)} or before`;
  return target.kind === 'txid' ? `TXID ${formatTxid(target.txid)} as a point of its own` : 'a database';
}

/** As `-txid` takes them. */
function describeNearest(result: {
  readonly kind: string;
  readonly below?: Txid | undefined;
  readonly above?: Txid | undefined;
}) {
  const points = [result.below, result.above].filter((point) => point !== undefined);
  return points.length === 0 ? '' : `; the nearest: ${points.map((point) => `TXID ${formatTxid(point)}`).join(', ')}`;
}
