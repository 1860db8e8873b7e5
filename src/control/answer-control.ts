import { resolve } from 'node:path';
import { z } from 'zod';
import { type StationError, toStationError } from '../errors.ts';
import { formatTimestamp } from '../ltx/timestamp.ts';
import { milliseconds } from '../quantities.ts';
import type { Controlled, DatabaseState, ReplicaState, SyncOutcome } from './controlled.ts';

export interface ControlRequest {
  readonly method: string;
  /** With its query. */
  readonly target: string;
  readonly body: string;
}

export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** What the whole process tells of itself. */
export interface ControlledProcess {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly now: () => number;
  readonly databases: () => readonly Controlled[];
}

const syncRequest = z.object({
  path: z.string().min(1),
  wait: z.boolean().default(false),
  /** Seconds. */
  timeout: z.number().min(0).max(86_400).default(0),
});

/** Where a request names no time, as in Litestream. */
const DEFAULT_TIMEOUT = 30;

/**
 * Answers one request. `/sync`, `/txid`, `/list` and `/info` are those of Litestream 0.5's control socket, so that its
 * clients work here; `/status` is ours.
 * @param gone aborts when whoever asks has gone
 */
export async function answerControl(
  { method, target, body }: ControlRequest,
  process: ControlledProcess,
  gone: AbortSignal,
): Promise<ControlAnswer> {
  const { pathname, searchParams } = new URL(target, 'http://localhost');
  switch (`${method} ${pathname}`) {
    case 'POST /sync':
      return await answerSync(body, process, gone);
    case 'GET /txid':
      return withDatabase(searchParams.get('path'), process, ({ txid }) => ({ txid }));
    case 'GET /status':
      return withDatabase(searchParams.get('path'), process, stateJson);
    case 'GET /list':
      return { status: 200, body: { databases: process.databases().map(summaryOf) } };
    case 'GET /info':
      return { status: 200, body: infoOf(process) };
    default:
      return { status: 404, body: { error: `there is no ${method} ${pathname} here` } };
  }
}

async function answerSync(body: string, process: ControlledProcess, gone: AbortSignal): Promise<ControlAnswer> {
  const parsed = syncRequest.safeParse(parseJson(body));
  if (!parsed.success) return { status: 400, body: { error: 'invalid request body', details: parsed.error.issues } };
  const { path, wait, timeout } = parsed.data;
  const database = find(path, process);
  if (database === undefined) return notFound(path);
  const late = AbortSignal.timeout(Math.ceil((timeout || DEFAULT_TIMEOUT) * 1000));
  try {
    const outcome = await database.sync(AbortSignal.any([late, gone]), wait ? 'for-replicas' : 'for-capture');
    const lacking = outcome.replicas.filter(({ complete }) => !complete);
    const json = syncJson(outcome, lacking.length === 0 ? 'synced' : 'incomplete');
    if (!wait || lacking.length === 0) return { status: 200, body: json };
    const error = lacking.map(({ replica, reason }) => `${replica}: ${reason}`).join('; ');
    return { status: 503, body: { error, details: json } };
  } catch (thrown) {
    if (late.aborted) return { status: 503, body: { error: 'the database could not be captured in time' } };
    const { code, message, hint } = toStationError(thrown);
    return { status: 503, body: { error: message, code, hint } };
  }
}

function syncJson({ database, txid, replicas }: SyncOutcome, status: string) {
  return {
    status,
    path: database,
    txid,
    replicated_txid: Math.min(...replicas.map((replica) => replica.txid ?? 0)),
    replicas: replicas.map(({ replica, txid: held, complete, reason }) => ({
      name: replica,
      txid: held ?? null,
      complete,
      reason: reason ?? null,
    })),
  };
}

function withDatabase(
  path: string | null,
  process: ControlledProcess,
  tell: (state: DatabaseState) => unknown,
): ControlAnswer {
  if (path === null) return { status: 400, body: { error: 'path required' } };
  const state = find(path, process)?.state();
  return state === undefined ? notFound(path) : { status: 200, body: tell(state) };
}

function find(path: string, process: ControlledProcess): Controlled | undefined {
  const absolute = resolve(path);
  return process.databases().find((database) => database.path === absolute);
}

const notFound = (path: string): ControlAnswer => ({ status: 404, body: { error: `database not found: ${path}` } });

function summaryOf(database: Controlled) {
  const { path } = database;
  const known = database.state();
  if (known === undefined) return { path, status: 'stopped' };
  const last = Math.max(...known.replicas.map(({ lastSyncAt }) => lastSyncAt ?? 0));
  return {
    path,
    status: 'replicating',
    txid: known.txid,
    replicated_txid: Math.min(...known.replicas.map(({ txid }) => txid ?? 0)),
    ...(last > 0 && { last_sync_at: formatTimestamp(milliseconds(last)) }),
  };
}

function infoOf({ version, pid, startedAt, now, databases }: ControlledProcess) {
  return {
    version,
    pid,
    uptime_seconds: Math.floor((now() - startedAt) / 1000),
    started_at: formatTimestamp(milliseconds(startedAt)),
    database_count: databases().length,
  };
}

function stateJson({ database, txid, timestamp, replicas }: DatabaseState) {
  return { database, txid, timestamp, replicas: replicas.map(replicaJson) };
}

function replicaJson({ replica, status, txid, missing, lastSyncAt, failing, lastError }: ReplicaState) {
  return {
    replica,
    status,
    txid: txid ?? null,
    missing: { ...missing, since: missing.since ?? null },
    last_sync_at: lastSyncAt ?? null,
    failing: failing === undefined ? null : errorJson(failing),
    last_error: lastError === undefined ? null : { at: lastError.at, ...errorJson(lastError.error) },
  };
}

function errorJson({ code, message, hint }: StationError) {
  return { code, message, hint };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
