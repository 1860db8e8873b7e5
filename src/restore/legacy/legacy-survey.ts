import { isStationError, StationError } from '../../errors.ts';
import { milliseconds, type Txid, txid } from '../../quantities.ts';
import { isLegacyKey } from '../../storage/key-layout.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { LegacyAnswer, LegacyPosition, LtxAnswer, ReplicaAnswer } from '../answer.ts';
import { describeTime } from '../describe.ts';
import type { NamedReplica, RestoreTarget } from '../restore-target.ts';
import { type Generation, listSegments, listSnapshots } from './generations.ts';
import { formatIndex } from './legacy-key.ts';
import { type LegacyGoal, type LegacyPlan, planGeneration } from './legacy-plan.ts';
import { probeObject } from './open-object.ts';

/** What a replica's Litestream 0.3 backups come to. */
export type LegacySurvey =
  | { readonly kind: 'none' }
  | { readonly kind: 'plan'; readonly plan: LegacyPlan }
  | { readonly kind: 'unsound'; readonly error: StationError };

/**
 * Finds the newest state of a replica's generations at or before the target, and the way to it. Of each generation only
 * the WAL from the snapshot on is listed that a restore would begin with.
 * @param names its generations
 * @throws what the store's methods throw
 */
export async function surveyLegacy(
  { store }: NamedReplica,
  names: readonly string[],
  target: RestoreTarget,
  excluded: Map<string, string>,
  signal: AbortSignal,
): Promise<LegacySurvey> {
  if (names.length === 0) return { kind: 'none' };
  if (target.kind === 'txid') {
    return unsound(`${store.url} holds a backup of Litestream 0.3, which knows no TXIDs`, {
      hint: 'restore the newest state, or one by -timestamp',
    });
  }
  for (;;) {
    const found = await surveyGenerations(store, names, target, excluded, signal);
    if (found.kind !== 'plan' || (await beginsSoundly(store, found.plan, excluded, signal))) return found;
  }
}

/** False where an object the plan begins or ends with is none of 0.3's, which is then among the excluded. */
async function beginsSoundly(
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

async function surveyGenerations(
  store: ObjectStore,
  names: readonly string[],
  target: RestoreTarget,
  excluded: Map<string, string>,
  signal: AbortSignal,
): Promise<LegacySurvey> {
  const goal = goalOf(target);
  const asked = target.kind === 'litestream-0.3' ? target.generation : undefined;
  const generations: Generation[] = [];
  const plans: { readonly plan: LegacyPlan; readonly began: number }[] = [];
  for (const name of names) {
    if (asked !== undefined && name !== asked) continue;
    const { generation, plan } = await surveyGeneration(store, name, goal, excluded, signal);
    generations.push(generation);
    if (plan !== undefined) plans.push({ plan, began: beginningOf(generation) });
  }
  // Some stores tell times in whole seconds, and a new generation may begin in the one in which the last ended.
  const [newest] = plans.sort((a, b) => b.plan.timestamp - a.plan.timestamp || b.began - a.began);
  if (newest !== undefined) return { kind: 'plan', plan: newest.plan };
  if (asked !== undefined && generations.length === 0) {
    return notAvailable(`${store.url} holds no generation ${asked}; it holds: ${names.join(', ')}`);
  }
  const where = `${store.url} holds a backup of Litestream 0.3`;
  const soundSnapshots = generations.flatMap(({ snapshots }) => snapshots.filter(({ key }) => !excluded.has(key)));
  if (soundSnapshots.length === 0) {
    const damaged = [...excluded.keys()].filter(isLegacyKey);
    const which = damaged.length === 0 ? '' : ` (${damaged.length} damaged: ${damaged.slice(0, 5).join(', ')})`;
    return unsound(`${where}${which}, but no sound snapshot to start from`);
  }
  const isAsked = soundSnapshots.some(({ lastModified, index }) => isWithin(goal, lastModified, index));
  if (isAsked) {
    return unsound(`${where}, but the WAL written during its snapshots is missing or damaged`, {
      hint: 'a snapshot alone may be a mixture of two states; "lz4 -d" on one gives it as it is',
    });
  }
  const earliest = milliseconds(Math.min(...soundSnapshots.map((snapshot) => snapshot.lastModified)));
  return notAvailable(`${where} that begins at ${describeTime(earliest)}, and nothing ${describeGoal(goal)}`);
}

async function surveyGeneration(
  store: ObjectStore,
  name: string,
  goal: LegacyGoal,
  excluded: Map<string, string>,
  signal: AbortSignal,
): Promise<{ readonly generation: Generation; readonly plan: LegacyPlan | undefined }> {
  const snapshots = await listSnapshots(store, name, signal);
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

function isWithin({ timestamp, index }: LegacyGoal, time: number, at: number): boolean {
  return time <= (timestamp ?? Number.POSITIVE_INFINITY) && at <= (index ?? Number.POSITIVE_INFINITY);
}

/**
 * The later of the two is what the replica holds; of the same time, the LTX chain. A backup of which nothing can be
 * restored counts only where there is no chain: then the replica is not empty.
 */
export function answerWithLegacy(
  { name }: NamedReplica,
  target: RestoreTarget,
  ltx: LtxAnswer,
  legacy: LegacySurvey,
): { readonly answer: ReplicaAnswer; readonly plan: LegacyPlan | undefined } {
  const wantsLegacy = target.kind === 'litestream-0.3';
  switch (legacy.kind) {
    case 'none':
      if (!wantsLegacy || ltx.kind === 'empty') return { answer: ltx, plan: undefined };
      return { answer: withoutLegacy(ltx), plan: undefined };
    case 'unsound': {
      if (!wantsLegacy && ltx.kind !== 'empty') return { answer: ltx, plan: undefined };
      const newestListed = listedOf(ltx);
      return { answer: { kind: 'unsound', replica: name, newestListed, error: legacy.error }, plan: undefined };
    }
    case 'plan': {
      const { plan } = legacy;
      if (!wantsLegacy && ltx.kind === 'holds' && ltx.position.timestamp >= plan.timestamp) {
        return { answer: ltx, plan: undefined };
      }
      const answer: LegacyAnswer = { kind: 'holds', replica: name, position: positionOf(plan), beside: ltx };
      return { answer, plan };
    }
  }
}

function positionOf(plan: LegacyPlan): LegacyPosition {
  const last = plan.segments.at(-1);
  return {
    format: 'litestream-0.3',
    generation: plan.generation,
    index: last?.index ?? plan.snapshot.index,
    offset: last?.offset,
    timestamp: plan.timestamp,
    walTimestamp: last?.lastModified,
    unreachable: plan.unreachable.length,
  };
}

function withoutLegacy(ltx: LtxAnswer): LtxAnswer {
  const error = new StationError('RESTORE_NOT_AVAILABLE', 'it holds LTX files, and no backup of Litestream 0.3', {
    hint: 'leave -generation and -index out',
  });
  return { kind: 'unsound', replica: ltx.replica, newestListed: listedOf(ltx), error };
}

function listedOf(ltx: LtxAnswer): Txid {
  if (ltx.kind === 'unsound') return ltx.newestListed;
  return ltx.kind === 'empty' ? txid(0) : (ltx.position.unreachable?.to ?? ltx.position.txid);
}

function goalOf(target: RestoreTarget): LegacyGoal {
  switch (target.kind) {
    case 'timestamp':
      return { timestamp: target.timestamp };
    case 'litestream-0.3':
      return { timestamp: target.timestamp, index: target.index };
    case 'newest':
    case 'txid':
      return {};
  }
}

function describeGoal({ timestamp, index }: LegacyGoal): string {
  const parts = [
    ...(timestamp === undefined ? [] : [`of ${describeTime(timestamp)} or before`]),
    ...(index === undefined ? [] : [`up to WAL ${formatIndex(index)}`]),
  ];
  return parts.join(', ');
}

function unsound(message: string, options: { readonly hint?: string } = {}): LegacySurvey {
  return { kind: 'unsound', error: new StationError('RESTORE_NO_SOUND_COPY', message, options) };
}

function notAvailable(message: string): LegacySurvey {
  return { kind: 'unsound', error: new StationError('RESTORE_NOT_AVAILABLE', message) };
}
