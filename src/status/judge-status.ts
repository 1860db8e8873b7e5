import { type Bytes, bytes, type Milliseconds, milliseconds } from '../quantities.ts';
import type { ReplicaAnswer } from '../restore/answer.ts';
import type { LocalStatus } from './local-status.ts';

/**
 * How a replica stands against its database: `behind` lacks commits for longer than replication takes, `late` for no longer.
 * `ahead` and `parted` hold commits that the database here never had.
 */
export type Standing =
  | 'in-sync'
  | 'late'
  | 'behind'
  | 'failing'
  | 'empty'
  /** It is empty, and there is no database that could be in it. */
  | 'nothing-yet'
  | 'ahead'
  | 'parted'
  | 'unsound'
  | 'unreachable'
  /** There is nothing here to hold it against. */
  | 'restorable';

export interface Judgement {
  readonly standing: Standing;
  /** What the replica lacks; undefined where that is not known. */
  readonly lag: Lag | undefined;
}

export interface Lag {
  readonly txids: number;
  /** Of captured files; commits that are not captured have no size yet. */
  readonly bytes: Bytes;
  /** Since the oldest commit that it lacks. */
  readonly duration: Milliseconds;
}

/** How long a running process may take for a commit beyond two sync intervals, before it counts as behind. */
const PATIENCE = 30_000;

export interface JudgeInput {
  readonly replica: string;
  readonly answer: ReplicaAnswer;
  /** Undefined for a replica named by its URL. */
  readonly local: LocalStatus | undefined;
  readonly syncInterval: Milliseconds;
  readonly now: Milliseconds;
}

export function judgeReplica(input: JudgeInput): Judgement {
  const { answer, local } = input;
  const without = (standing: Standing): Judgement => ({ standing, lag: undefined });
  if (answer.kind === 'failed' || answer.kind === 'no-answer') return without('unreachable');
  if (answer.kind === 'unsound') return without('unsound');
  if (local === undefined) return without(answer.kind === 'empty' ? 'empty' : 'restorable');
  if (!local.isThere) return without(answer.kind === 'empty' ? 'nothing-yet' : 'restorable');
  const { position } = local;
  if (position === undefined) return without(answer.kind === 'empty' ? 'empty' : 'behind');
  const chain = answer.kind === 'holds' && answer.position.format !== undefined ? answer.beside : answer;
  if (chain?.kind !== 'holds' || chain.position.format !== undefined) {
    return { standing: answer.kind === 'empty' ? 'empty' : 'behind', lag: lagBehind(0, input) };
  }
  const { txid, level, fileChecksum } = chain.position;
  if (txid > position.txid) {
    // It may have been sent since the process told where it stands, or was looked for.
    return local.process.kind !== 'none' ? { standing: 'in-sync', lag: noLag } : without('ahead');
  }
  const { fileChecksums } = position;
  const isForeign =
    txid === position.txid &&
    level === 0 &&
    fileChecksums.length > 0 &&
    !fileChecksums.includes(fileChecksum.toString(16).padStart(16, '0'));
  if (isForeign) return without('parted');
  const lag = txid === position.txid && local.uncaptured === 'none' ? noLag : lagBehind(txid, input);
  return { standing: standingOf(lag, input), lag };
}

const noLag: Lag = { txids: 0, bytes: bytes(0), duration: milliseconds(0) };

function standingOf(lag: Lag, { replica, local, syncInterval }: JudgeInput): Standing {
  const told = local?.process.kind === 'answers' ? local.process.state : undefined;
  const failing = told?.replicas.find((one) => one.replica === replica)?.failing ?? undefined;
  const isLacking = lag.txids > 0 || local?.uncaptured === 'some';
  // What failed when the process was asked may have come through before the replica was.
  if (!isLacking) return 'in-sync';
  if (failing !== undefined) return 'failing';
  return isBringing(local) && lag.duration <= 2 * syncInterval + PATIENCE ? 'late' : 'behind';
}

/** A process that has no socket, or not yet, may well be at work; one that listens and does not answer is not. */
function isBringing(local: LocalStatus | undefined): boolean {
  if (local?.process.kind === 'silent') return local.process.error === undefined;
  return local?.process.kind === 'answers';
}

function lagBehind(held: number, { local, now }: JudgeInput): Lag {
  const at = local?.position?.txid ?? 0;
  const missing = (local?.staged ?? []).filter(({ maxTxid }) => maxTxid > held && maxTxid <= at);
  const oldest = missing[0]?.timestamp ?? (at > held ? local?.position?.timestamp : local?.writtenAt) ?? now;
  return {
    txids: Math.max(0, at - held),
    bytes: bytes(missing.reduce((sum, { size }) => sum + size, 0)),
    duration: milliseconds(Math.max(0, Math.round(now - oldest))),
  };
}

/** 69 where a replica is of no use, 75 where one lacks commits, else 0: the worst of all. */
export function exitStatusOf(standings: readonly Standing[]): number {
  const useless: readonly Standing[] = ['unreachable', 'unsound', 'ahead', 'parted'];
  const lacking: readonly Standing[] = ['behind', 'failing', 'empty'];
  if (standings.some((standing) => useless.includes(standing))) return 69;
  return standings.some((standing) => lacking.includes(standing)) ? 75 : 0;
}
