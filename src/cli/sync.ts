import { setTimeout as pause } from 'node:timers/promises';
import type { Config, DatabaseConfig } from '../config/config.ts';
import { askSync } from '../control/ask-sync.ts';
import type { SyncOutcome } from '../control/controlled.ts';
import { StationError, toStationError } from '../errors.ts';
import { formatTxid } from '../ltx/file-name.ts';
import type { Log } from '../observe/log.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { LeaseSettings } from '../replication/replication-settings.ts';
import { makeStagingFolder, stagingFolderAt } from '../replication/staging/staging-folder.ts';
import { tryStagingLock } from '../replication/staging/staging-lock.ts';
import { chooseDatabases } from './chosen-replicas.ts';
import type { SyncOptions } from './inspect-options.ts';
import { LEASE_DURATION } from './lease-duration.ts';
import { openLog, readConfig, warnOfNotes } from './load.ts';
import { stopSignals } from './stop-signals.ts';
import { print } from './text-table.ts';

const DEFAULT_TIMEOUT = milliseconds(30_000);
/** Between two looks for a process that is just starting or ending, in milliseconds. */
const RETRY = 200;
/** Exit status where a replica lacks something. */
const INCOMPLETE = 75;

type Result =
  | {
      readonly kind: 'outcome';
      readonly outcome: SyncOutcome;
      readonly by: 'process' | 'self';
      readonly elapsed: Milliseconds;
    }
  | { readonly kind: 'error'; readonly database: string; readonly error: StationError };

/**
 * Syncs now, and waits until every replica holds everything that was committed before: through the running process, or by
 * itself where there is none. Resolves to the exit status.
 */
export async function syncCommand(options: SyncOptions): Promise<number> {
  const config = readConfig(options);
  warnOfNotes(config);
  const databases = chooseDatabases(config, options.database).filter(({ replicas }) => replicas.length > 0);
  if (databases.length === 0) {
    throw new StationError('REPLICA_REQUIRED', 'no replica is configured: there is nothing to sync to', {
      hint: `set one of ${config.replicaVariables.join(', ')}`,
    });
  }
  const log = openLog(
    { logging: { ...config.logging, level: options.logLevel ?? 'WARN', stream: 'stderr' } },
    databases,
  );
  const signal = stopSignals();
  const results = await Promise.all(databases.map((database) => syncOne(database, config, options, log, signal)));
  print(
    options.json,
    () => (options.database === undefined ? results.map(toJson) : toJson(results[0] as Result)),
    () => results.flatMap(linesOf),
  );
  return exitStatusOf(results);
}

async function syncOne(
  database: DatabaseConfig,
  config: Config,
  options: SyncOptions,
  log: Log,
  stop: AbortSignal,
): Promise<Result> {
  const timeout = options.timeout ?? DEFAULT_TIMEOUT;
  const started = performance.now();
  const deadline = started + timeout;
  const elapsed = () => milliseconds(Math.round(performance.now() - started));
  try {
    const folder = stagingFolderAt(database.stagingFolder);
    const socket = options.socket ?? (config.socket.enabled ? (config.socket.path ?? folder.socket) : undefined);
    for (;;) {
      stop.throwIfAborted();
      const left = Math.ceil(Math.max(1, deadline - performance.now()));
      const outcome = socket === undefined ? undefined : await askSync(socket, database.path, left, stop);
      if (outcome !== undefined) return { kind: 'outcome', outcome, by: 'process', elapsed: elapsed() };
      await makeStagingFolder(folder);
      const lock = tryStagingLock(folder.lock);
      if (lock !== undefined) {
        lock.release();
        // Loaded when needed: a process that is asked does it all.
        const { syncAlone } = await import('../control/sync-alone.ts');
        const signal = AbortSignal.any([stop, timeUp(left)]);
        const alone = await syncAlone(database, leaseOf(options, left), log.with({ db: database.path }), signal);
        return { kind: 'outcome', outcome: alone, by: 'self', elapsed: elapsed() };
      }
      if (performance.now() > deadline) throw unanswered(database.path, socket);
      await pause(RETRY, undefined, { signal: stop });
    }
  } catch (thrown) {
    const error = stop.aborted ? toStationError(stop.reason) : toStationError(thrown);
    return { kind: 'error', database: database.path, error };
  }
}

function timeUp(left: number): AbortSignal {
  const late = new AbortController();
  const error = new StationError('DRAIN_INCOMPLETE', 'the time for the sync was used up before it could begin', {
    hint: 'give it more with -timeout',
  });
  setTimeout(() => late.abort(error), left).unref();
  return late.signal;
}

/** Whoever holds the lease is not to be disturbed by a sync. */
function leaseOf({ lease, leaseDuration }: SyncOptions, left: number): LeaseSettings {
  if (lease === 'off') return { kind: 'off' };
  return {
    kind: 'on',
    duration: leaseDuration ?? LEASE_DURATION,
    takeover: 'refuse',
    timeout: milliseconds(left),
    environment: process.env,
  };
}

function unanswered(path: string, socket: string | undefined): StationError {
  const where = socket === undefined ? 'the config has no control socket' : `nobody listens on ${socket}`;
  return new StationError('CAPTURE_FAILED', `a process replicates ${path}, but ${where}`, {
    hint: 'it may still be starting; name its socket with -socket, or look at its log',
  });
}

function linesOf(result: Result): readonly string[] {
  if (result.kind === 'error')
    return [`${result.database}: not synced: ${result.error.message}`, `hint: ${result.error.hint}`];
  const { outcome, by } = result;
  const how = by === 'process' ? '' : ', by itself: no process replicates it';
  return [
    `${outcome.database}: TXID ${formatTxid(outcome.txid)}${how}`,
    ...outcome.replicas.map(({ replica, complete, txid, reason }) => {
      const held = txid === undefined ? 'what it holds is not known' : `it holds TXID ${formatTxid(txid)}`;
      return `  ${replica}: ${complete ? 'durable' : `not durable, ${held}: ${reason}`}`;
    }),
  ];
}

/** The first four are Litestream's. */
function toJson(result: Result) {
  if (result.kind === 'error') {
    const { code, message, hint } = result.error;
    return { db_path: result.database, status: 'error', error: { code, message, hint } };
  }
  const { outcome, by, elapsed } = result;
  return {
    db_path: outcome.database,
    txid: outcome.txid,
    replica_txid: Math.min(...outcome.replicas.map(({ txid }) => txid ?? 0)),
    duration_ms: elapsed,
    status: isComplete(outcome) ? 'synced' : 'incomplete',
    by,
    replicas: outcome.replicas.map(({ replica, txid, complete, reason }) => ({
      name: replica,
      txid: txid ?? null,
      complete,
      reason: reason ?? null,
    })),
  };
}

function isComplete({ replicas }: SyncOutcome): boolean {
  return replicas.every(({ complete }) => complete);
}

function exitStatusOf(results: readonly Result[]): number {
  const failed = results.find((result) => result.kind === 'error');
  if (failed !== undefined) return failed.error.exitStatus;
  return results.every((result) => result.kind === 'outcome' && isComplete(result.outcome)) ? 0 : INCOMPLETE;
}
