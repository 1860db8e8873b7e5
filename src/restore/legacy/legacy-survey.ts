import { StationError } from '../../errors.ts';
import { type Txid, txid } from '../../quantities.ts';
import { isLegacyKey } from '../../storage/key-layout.ts';
import type { LegacyAnswer, LegacyPosition, LtxAnswer, ReplicaAnswer } from '../answer.ts';
import { describeTime } from '../describe.ts';
import type { NamedReplica, RestoreTarget } from '../restore-target.ts';
import { isAheadOfWal } from './damage.ts';
import type { Generation, LegacySnapshot } from './generations.ts';
import { formatIndex } from './legacy-key.ts';
import type { LegacyGoal, LegacyPlan } from './legacy-plan.ts';
import { describeLegacyRange, type LegacyRange, readLegacyRange } from './legacy-range.ts';
import { findNewestPlan, isWithin } from './newest-plan.ts';

/** What a replica's Litestream 0.3 backups come to. */
export type LegacySurvey =
  | { readonly kind: 'none' }
  /** `holdsLater`: states of after the target are listed. */
  | { readonly kind: 'plan'; readonly plan: LegacyPlan; readonly holdsLater: boolean }
  /** `held`: what can be restored instead, in words; undefined: nothing. */
  | { readonly kind: 'unsound'; readonly error: StationError; readonly held?: string | undefined };

/**
 * Finds the newest state of a replica's generations at or before the target, and the way to it. Of each generation only
 * the WAL from the snapshot on is listed that a restore would begin with.
 * @param names its generations
 * @param ltx what its LTX files come to: a backup that ends before a chain's newest state is not looked at any closer
 * @throws what the store's methods throw
 */
export async function surveyLegacy(
  { store }: NamedReplica,
  names: readonly string[],
  target: RestoreTarget,
  ltx: LtxAnswer,
  excluded: Map<string, string>,
  signal: AbortSignal,
): Promise<LegacySurvey> {
  if (names.length === 0) return { kind: 'none' };
  if (target.kind === 'txid') {
    return unsound(`${store.url} holds a backup of Litestream 0.3, which knows no TXIDs`, {
      hint: 'restore the newest state, or one by -timestamp',
    });
  }
  const asked = target.kind === 'litestream-0.3' ? target.generation : undefined;
  const wanted = asked === undefined ? names : names.filter((name) => name === asked);
  if (wanted.length === 0) {
    return notAvailable(`${store.url} holds no generation ${asked}; it holds: ${names.join(', ')}`);
  }
  const goal = goalOf(target);
  const after = target.kind === 'newest' && ltx.kind === 'holds' ? ltx.position.timestamp : undefined;
  const { plan, generations } = await findNewestPlan(store, wanted, goal, excluded, signal, after);
  if (plan === undefined && after !== undefined) return { kind: 'none' };
  if (plan !== undefined) return { kind: 'plan', plan, holdsLater: generations.some((one) => isLater(one, goal)) };
  const damaged = new Map([...excluded].filter(([, reason]) => !isAheadOfWal(reason)));
  const sound = generations.flatMap(({ snapshots }) => snapshots.filter(({ key }) => !damaged.has(key)));
  const where = `${asked === undefined ? '' : `generation ${asked} of `}${store.url}`;
  const range = sound.length === 0 ? undefined : await readLegacyRange(store, wanted, damaged, signal);
  for (const [key, reason] of damaged) excluded.set(key, reason);
  return withoutPlan(where, goal, sound, range, excluded);
}

/** Why there is no way to the goal. */
function withoutPlan(
  where: string,
  goal: LegacyGoal,
  sound: readonly LegacySnapshot[],
  range: LegacyRange | undefined,
  excluded: ReadonlyMap<string, string>,
): LegacySurvey {
  const backup = `${where} holds a backup of Litestream 0.3`;
  if (sound.length === 0) {
    const damaged = [...excluded.keys()].filter(isLegacyKey);
    const which = damaged.length === 0 ? '' : ` (${damaged.length} damaged: ${damaged.slice(0, 5).join(', ')})`;
    return unsound(`${backup}${which}, but no sound snapshot to start from`);
  }
  const held = range && describeLegacyRange(range);
  if (sound.some(({ lastModified, index }) => isWithin(goal, lastModified, index))) {
    const then = goal.timestamp === undefined && goal.index === undefined ? '' : ` for a state ${describeGoal(goal)}`;
    const instead = held === undefined ? '' : `; it holds ${held}`;
    return {
      ...unsound(`${backup}, but the WAL written during its snapshots is missing or damaged${then}${instead}`, {
        hint: 'a snapshot alone may be a mixture of two states; "lz4 -d" on one gives it as it is',
      }),
      held,
    };
  }
  if (held === undefined) {
    return unsound(`${backup}, but nothing ${describeGoal(goal)}, and the WAL written during its snapshots is missing`);
  }
  return { ...notAvailable(`${where} does not hold a state ${describeGoal(goal)}; it holds ${held}`), held };
}

function isLater({ snapshots, segments }: Generation, { timestamp }: LegacyGoal): boolean {
  if (timestamp === undefined) return false;
  return [...snapshots, ...segments].some(({ lastModified }) => lastModified > timestamp);
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
      if (!wantsLegacy && ltx.kind === 'holds') return { answer: ltx, plan: undefined };
      const newestListed = listedOf(ltx);
      if (!wantsLegacy && ltx.kind === 'unsound') {
        return { answer: { ...ltx, error: besideLtx(ltx.error, legacy.held) }, plan: undefined };
      }
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

/** Neither gives what was asked for. */
function besideLtx(error: StationError, held: string | undefined): StationError {
  const backup = 'the backup of Litestream 0.3 beside it';
  const legacy = held === undefined ? `of ${backup} nothing can be restored` : `${backup} holds ${held}`;
  const message = `${error.message}; and ${legacy}`;
  return new StationError(error.code, message, { cause: error, hint: error.hint });
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

function unsound(
  message: string,
  options: { readonly hint?: string } = {},
): Extract<LegacySurvey, { kind: 'unsound' }> {
  return { kind: 'unsound', error: new StationError('RESTORE_NO_SOUND_COPY', message, options) };
}

function notAvailable(message: string): Extract<LegacySurvey, { kind: 'unsound' }> {
  return { kind: 'unsound', error: new StationError('RESTORE_NOT_AVAILABLE', message) };
}
