import type { NotConfiguredReplica } from '../config/config.ts';
import { formatDuration } from '../config/duration.ts';
import type { ToldState } from '../control/ask-sync.ts';
import { describeFound } from '../lease/look-at-lease.ts';
import { formatTxid } from '../ltx/file-name.ts';
import { formatTimestamp } from '../ltx/timestamp.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { ReplicaAnswer, ReplicaPosition } from '../restore/answer.ts';
import { describePoint, describeTime, describeUnreachable } from '../restore/describe.ts';
import type { Judgement, Lag } from '../status/judge-status.ts';
import type { LocalStatus } from '../status/local-status.ts';
import type { RemoteStatus } from '../status/remote-status.ts';

export interface ReplicaStatusReport {
  readonly name: string;
  readonly url: string;
  readonly remote: RemoteStatus;
  readonly judgement: Judgement;
}

export interface DatabaseStatusReport {
  /** Undefined for a replica named by its URL. */
  readonly database: string | undefined;
  readonly local: LocalStatus | undefined;
  readonly replicas: readonly ReplicaStatusReport[];
  readonly notConfigured: readonly NotConfiguredReplica[];
}

export function statusLines(report: DatabaseStatusReport, now: Milliseconds): readonly string[] {
  const { database, local, replicas, notConfigured } = report;
  const head = database === undefined || local === undefined ? [] : [`${database}: ${localLine(local)}`];
  return [
    ...head,
    ...replicas.flatMap((replica) => replicaLines(replica, local, now)),
    ...notConfigured.map(({ name, variables }) => `  ${name}: not configured, ${variables.join(', ')} not set`),
    ...(replicas.length === 0 ? ['  no replica: the database is lost with its disk'] : []),
  ];
}

function localLine(local: LocalStatus): string {
  const { position, walSize, process, uncaptured } = local;
  const problem = problemOfProcess(local);
  const captured =
    position === undefined
      ? 'nothing captured yet'
      : `TXID ${formatTxid(position.txid)} of ${describeTime(position.timestamp)}`;
  const more = { none: '', some: ', and commits that are not captured', unknown: ', and maybe later commits' }[
    uncaptured
  ];
  const who = {
    answers: 'a process replicates it',
    silent: `a process holds it, and does not answer${problem === undefined ? '' : `: ${problem}`}`,
    none: 'no process replicates it',
  }[process.kind];
  return `${statusWord(local)}, ${captured}${more}; WAL ${humanSize(walSize ?? 0)}; ${who}`;
}

function replicaLines(
  { name, remote, judgement }: ReplicaStatusReport,
  local: LocalStatus | undefined,
  now: Milliseconds,
): readonly string[] {
  const { answer } = remote.report;
  const { standing, lag } = judgement;
  const newest = answer.kind === 'holds' ? answer.position : undefined;
  const told = toldOf(local, name);
  const problem = problemOf(answer);
  return [
    `  ${name}: ${standing}${lag === undefined || standing === 'in-sync' ? '' : `, ${lagWords(lag)}`}`,
    ...(newest === undefined ? [] : [`    newest: ${pointOf(newest)} of ${describeTime(newest.timestamp)}`]),
    ...(remote.oldest === undefined ? [] : [`    oldest: ${describeTime(remote.oldest)}`]),
    ...(problem === undefined
      ? []
      : [`    error: ${problem.message}`, ...problem.hint.map((hint) => `    hint: ${hint}`)]),
    ...(told?.last_error == null
      ? []
      : [`    last error: ${told.last_error.message}, ${agoOf(told.last_error.at, now)}`]),
    `    lease: ${remote.lease === undefined ? `unknown: ${remote.leaseError?.message}` : describeFound(remote.lease, now)}`,
  ];
}

function lagWords({ txids, bytes, duration }: Lag): string {
  const what = txids === 0 ? 'commits that are not captured' : `${txids} TXIDs, ${humanSize(bytes)}`;
  const rounded = milliseconds(duration < 1000 ? duration : Math.round(duration / 1000) * 1000);
  return `lacks ${what}, since ${formatDuration(rounded)}`;
}

function agoOf(at: number, now: Milliseconds): string {
  return `${formatDuration(milliseconds(Math.max(0, Math.round((now - at) / 1000)) * 1000))} ago`;
}

function problemOf(answer: ReplicaAnswer): { readonly message: string; readonly hint: readonly string[] } | undefined {
  if (answer.kind === 'no-answer') return { message: `no answer within ${answer.waited / 1000} s`, hint: [] };
  if (answer.kind === 'holds') return gapOf(answer);
  if (answer.kind !== 'failed' && answer.kind !== 'unsound') return undefined;
  return { message: answer.error.message, hint: [answer.error.hint] };
}

/** Files behind a missing one are of no use, and of all that is wrong this is the one thing that replicating does not mend. */
function gapOf({ position }: Extract<ReplicaAnswer, { kind: 'holds' }>): ReturnType<typeof problemOf> {
  if (position.format !== undefined || position.unreachable === undefined) return undefined;
  return {
    message: `it ${describeUnreachable(position.unreachable)}`,
    hint: ['"verify" names what is missing; the next snapshot makes every later state whole'],
  };
}

/** `database`, `status`, `local_txid` and `wal_size` are Litestream's. */
export function statusJson({ database, local, replicas, notConfigured }: DatabaseStatusReport, now: Milliseconds) {
  const position = local?.position;
  return {
    database: database ?? null,
    status: local === undefined ? 'unknown' : statusWord(local),
    local_txid: position === undefined ? '-' : formatTxid(position.txid),
    wal_size: local === undefined || !local.isThere ? '-' : humanSize(local.walSize ?? 0),
    wal_size_bytes: local?.walSize ?? null,
    captured_at: position === undefined ? null : formatTimestamp(position.timestamp),
    uncaptured: local?.uncaptured ?? 'unknown',
    process: local?.process.kind ?? 'unknown',
    process_error: problemOfProcess(local) ?? null,
    replicas: replicas.map((replica) => replicaJson(replica, local, now)),
    not_configured: notConfigured.map(({ name, type, variables }) => ({ name, type, variables })),
  };
}

function replicaJson(
  { name, url, remote, judgement }: ReplicaStatusReport,
  local: LocalStatus | undefined,
  now: Milliseconds,
) {
  const { answer } = remote.report;
  const { standing, lag } = judgement;
  const newest = answer.kind === 'holds' ? answer.position : undefined;
  const told = toldOf(local, name);
  const record = remote.lease?.kind === 'found' ? remote.lease.record : undefined;
  const problem = problemOf(answer);
  return {
    name,
    url,
    status: standing,
    remote_txid: newest !== undefined && newest.format === undefined ? formatTxid(newest.txid) : null,
    newest: newest === undefined ? null : formatTimestamp(newest.timestamp),
    oldest: remote.oldest === undefined ? null : formatTimestamp(remote.oldest),
    lag_txids: lag?.txids ?? null,
    lag_bytes: lag?.bytes ?? null,
    lag_seconds: lag === undefined ? null : lag.duration / 1000,
    last_sync_at: told?.last_sync_at == null ? null : formatTimestamp(milliseconds(told.last_sync_at)),
    last_error:
      told?.last_error == null ? null : { ...told.last_error, at: formatTimestamp(milliseconds(told.last_error.at)) },
    error: problem === undefined ? null : { message: problem.message, hint: problem.hint[0] ?? null },
    lease: {
      holder: record?.owner ?? null,
      expires_at: record === undefined ? null : formatTimestamp(record.expiresAt),
      text: remote.lease === undefined ? `unknown: ${remote.leaseError?.message}` : describeFound(remote.lease, now),
    },
  };
}

function problemOfProcess(local: LocalStatus | undefined): string | undefined {
  return local?.process.kind === 'silent' ? local.process.error?.message : undefined;
}

function toldOf(local: LocalStatus | undefined, name: string): ToldState['replicas'][number] | undefined {
  if (local?.process.kind !== 'answers') return undefined;
  return local.process.state.replicas.find(({ replica }) => replica === name);
}

/** In Litestream's words. */
function statusWord({ isThere, position }: LocalStatus): string {
  if (!isThere) return 'no database';
  return position === undefined ? 'not initialized' : 'ok';
}

function pointOf(position: ReplicaPosition): string {
  return position.format === undefined ? `TXID ${formatTxid(position.txid)}` : describePoint(position);
}

/** As Litestream writes sizes: powers of 1000, two digits at least. */
function humanSize(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  if (size < 10) return `${size} B`;
  const power = Math.min(units.length - 1, Math.floor(Math.log10(size) / 3));
  const value = Math.floor((size / 1000 ** power) * 10 + 0.5) / 10;
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${units[power]}`;
}
