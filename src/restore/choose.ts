import { StationError } from '../errors.ts';
import { formatTxid } from '../ltx/file-name.ts';
import type { Milliseconds, Txid } from '../quantities.ts';
import type { LtxAnswer, LtxPosition, ReplicaAnswer, ReplicaPosition } from './answer.ts';
import { describeAnswer, describePoint, describeTime, describeUnreachable } from './describe.ts';
import { explainChoice } from './explain-choice.ts';
import type { Fork } from './find-forks.ts';

export interface RestorePolicy {
  /** `any`: the newest of those that answered will do; `all`: every replica must answer. */
  readonly quorum: 'any' | 'all';
  /** Restore from this replica, whatever the others hold. */
  readonly from: string | undefined;
}

type Holder = Extract<ReplicaAnswer, { kind: 'holds' }>;
/** One whose newest is an LTX chain: nothing in a Litestream 0.3 backup tells whether a chain continues it. */
type LtxHolder = Extract<LtxAnswer, { kind: 'holds' }>;
type Unsound = Extract<ReplicaAnswer, { kind: 'unsound' }>;

/** Two replicas whose files cannot be of one history. */
export interface PartedHistories {
  readonly newer: PartedSide;
  readonly older: PartedSide;
}

export interface PartedSide {
  readonly replica: string;
  readonly txid: Txid;
  readonly timestamp: Milliseconds;
}

export type Choice =
  | {
      readonly kind: 'restore';
      readonly replica: string;
      readonly position: ReplicaPosition;
      /** All that hold something, newest first. */
      readonly ranking: readonly string[];
      readonly parted: readonly PartedHistories[];
      /** Why this one and none of the others, in a few words. */
      readonly why: string;
      /** What each replica said, and the choice. */
      readonly reasons: readonly string[];
      /** The others that answered soundly: behind, level, or empty. */
      readonly passedOver: readonly string[];
      /** What this choice goes without, for the operator to read even where nobody asked for reasons. */
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'empty'; readonly reasons: readonly string[] }
  | { readonly kind: 'stop'; readonly error: StationError; readonly reasons: readonly string[] };

/**
 * Decides from what the replicas said, and from the forks that were found among them. The newest is the one whose last
 * state was captured latest; of two captured at the same time, the one with the higher TXID; then the one configured first.
 *
 * Cannot reach is not empty (safety rule 1): an empty start is chosen only when every replica answered and none holds
 * anything.
 */
export function chooseReplica(
  answers: readonly ReplicaAnswer[],
  policy: RestorePolicy,
  forks: readonly Fork[] = [],
): Choice {
  const holders = rank(answers);
  const reasons = answers.map((answer) => describeAnswer(answer, holders[0]));
  const stop = (error: StationError): Choice => ({ kind: 'stop', error, reasons });
  if (policy.from !== undefined) return chooseNamed(answers, policy.from, forks, reasons);
  const silent = answers.filter((answer) => answer.kind === 'failed' || answer.kind === 'no-answer');
  if (policy.quorum === 'all' && silent.length > 0) {
    return stop(unreachable('not every replica answered, and the quorum is "all"', answers));
  }
  const newest = holders[0];
  if (newest !== undefined) {
    return restoreChoice(newest, explainChoice(holders, answers.length), answers, forks, reasons);
  }
  if (silent.length > 0) return stop(unreachable('no replica that answered holds the database', answers));
  const unsound = answers.filter((answer) => answer.kind === 'unsound');
  if (unsound.length > 0) return stop(noSoundCopy(unsound));
  return { kind: 'empty', reasons };
}

function chooseNamed(
  answers: readonly ReplicaAnswer[],
  name: string,
  forks: readonly Fork[],
  reasons: readonly string[],
): Choice {
  const named = answers.find((answer) => answer.replica === name);
  const stop = (error: StationError): Choice => ({ kind: 'stop', error, reasons });
  if (named === undefined) {
    const known = answers.map((answer) => answer.replica).join(', ');
    return stop(new StationError('USAGE', `there is no replica "${name}" to restore from; there are: ${known}`));
  }
  if (named.kind === 'holds') return restoreChoice(named, 'asked for by name', answers, forks, reasons);
  if (named.kind === 'unsound') return stop(noSoundCopy([named]));
  if (named.kind !== 'empty') return stop(unreachable(`${name} was asked for by name`, [named]));
  if (answers.every((answer) => answer.kind === 'empty')) return { kind: 'empty', reasons };
  return stop(
    new StationError('RESTORE_NOT_AVAILABLE', `${name} was asked for by name, but it is empty`, {
      hint: 'name a replica that holds the database, or none',
    }),
  );
}

function restoreChoice(
  chosen: Holder,
  why: string,
  answers: readonly ReplicaAnswer[],
  forks: readonly Fork[],
  reasons: readonly string[],
): Choice {
  const ranking = rank(answers);
  const parted = findParted(ranking, forks);
  return {
    kind: 'restore',
    replica: chosen.replica,
    position: chosen.position,
    ranking: ranking.map((holder) => holder.replica),
    parted,
    why,
    reasons: [...reasons, `chosen: ${chosen.replica}, ${why}`],
    passedOver: answers
      .filter((answer) => isSound(answer) && answer !== chosen)
      .map((answer) => `passing over ${describeAnswer(answer, ranking[0])}`),
    warnings: [
      ...answers.filter((answer) => !isSound(answer)).map((answer) => `restoring without ${describeAnswer(answer)}`),
      ...answers.flatMap(outOfReach),
    ],
  };
}

function rank(answers: readonly ReplicaAnswer[]): readonly Holder[] {
  return answers
    .filter((answer) => answer.kind === 'holds')
    .sort((a, b) => b.position.timestamp - a.position.timestamp || txidOf(b.position) - txidOf(a.position));
}

/** An old backup of the same time goes last. */
function txidOf(position: ReplicaPosition): number {
  return position.format === 'litestream-0.3' ? -1 : position.txid;
}

/**
 * Histories have parted where the one captured later has the lower TXID, or where the same TXID is another file at
 * level 0. (Merged files may differ in their bytes and still say the same.)
 */
function findParted(ranking: readonly Holder[], forks: readonly Fork[]): readonly PartedHistories[] {
  const chains = ranking.filter((holder): holder is LtxHolder => holder.position.format === undefined);
  return chains.flatMap((newer, index) =>
    chains
      .slice(index + 1)
      .filter((older) => haveParted(newer.position, older.position) || isForked(newer, older, forks))
      .map((older) => ({ newer: sideOf(newer), older: sideOf(older) })),
  );
}

function haveParted(newer: LtxPosition, older: LtxPosition): boolean {
  if (newer.txid < older.txid && newer.timestamp > older.timestamp) return true;
  const bothLevel0 = newer.level === 0 && older.level === 0;
  return bothLevel0 && newer.txid === older.txid && newer.fileChecksum !== older.fileChecksum;
}

function isForked(newer: Holder, older: Holder, forks: readonly Fork[]): boolean {
  const names = [newer.replica, older.replica];
  return forks.some((fork) => names.includes(fork.further) && names.includes(fork.shorter));
}

function sideOf(holder: LtxHolder): PartedSide {
  return { replica: holder.replica, txid: holder.position.txid, timestamp: holder.position.timestamp };
}

function isSound(answer: ReplicaAnswer): boolean {
  return answer.kind === 'holds' || answer.kind === 'empty';
}

function outOfReach(answer: ReplicaAnswer): readonly string[] {
  if (answer.kind !== 'holds') return [];
  const { position } = answer;
  if (position.format === 'litestream-0.3') {
    if (position.unreachable === 0) return [];
    return [
      `${answer.replica} lists ${position.unreachable} WAL segments behind ${describePoint(position)}, which cannot be ` +
        'reached: one before them is missing or damaged',
    ];
  }
  if (position.unreachable === undefined) return [];
  return [`${answer.replica} ${describeUnreachable(position.unreachable)}`];
}

/** One line that names both sides. */
export function describeParted({ newer, older }: PartedHistories): string {
  const side = (one: PartedSide) => `${one.replica} (TXID ${formatTxid(one.txid)}, ${describeTime(one.timestamp)})`;
  return `histories have parted: ${side(newer)} is the later, yet not a continuation of ${side(older)}; run --restore-from NAME, or restore -replica NAME, decides otherwise`;
}

function unreachable(situation: string, answers: readonly ReplicaAnswer[]): StationError {
  const failed = answers.find((answer) => answer.kind === 'failed');
  return new StationError(
    'RESTORE_UNREACHABLE',
    `${situation}: ${answers.map((answer) => describeAnswer(answer)).join('; ')}`,
    {
      cause: failed?.error,
      // Where there is one alone, what is wrong with it is all there is to say.
      ...(answers.length === 1 && failed !== undefined && { hint: failed.error.hint }),
    },
  );
}

function noSoundCopy(unsound: readonly Unsound[]): StationError {
  const notAvailable = unsound.every((answer) => answer.error.code === 'RESTORE_NOT_AVAILABLE');
  const code = notAvailable ? 'RESTORE_NOT_AVAILABLE' : 'RESTORE_NO_SOUND_COPY';
  const hints = new Set(unsound.map(({ error }) => error.hint));
  const [hint] = hints;
  return new StationError(code, unsound.map((answer) => describeAnswer(answer)).join('; '), {
    cause: unsound[0]?.error,
    ...(hints.size === 1 && hint !== undefined ? { hint } : {}),
  });
}
