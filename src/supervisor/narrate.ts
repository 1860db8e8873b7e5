import type { StationError } from '../errors.ts';
import { formatTxid } from '../ltx/file-name.ts';
import type { Log } from '../observe/log.ts';
import type { Milliseconds } from '../quantities.ts';
import type { Life, LifeEvent } from './life.ts';
import type { DrainReport, ReplicaDrain } from './replication-port.ts';
import { isStopSignal } from './signals.ts';

/** The lines an operator needs to follow one life: what happened, not what was done about it. */
export function narrate(log: Log, event: LifeEvent): void {
  switch (event.type) {
    case 'signal':
      // A window being resized (SIGWINCH) is no news.
      if (isStopSignal(event.signal)) log.info('signal received', { signal: event.signal });
      else log.debug('signal received', { signal: event.signal });
      break;
    case 'child-ended':
      log.info('command ended', event.end.kind === 'exited' ? { code: event.end.code } : { signal: event.end.signal });
      break;
    case 'child-ready':
      log.info(event.again ? 'command is ready again' : 'command is ready', { seconds: inSeconds(event.took) });
      break;
    case 'child-unready':
      log.warn('command is no longer ready', { reason: event.reason });
      break;
    case 'handover-asked':
      log.warn('another instance asks for the database: stopping to hand over', {
        db: event.request.database,
        by: event.request.by,
      });
      break;
    case 'startup-timeout':
    case 'prepare-failed':
    case 'child-failed':
    case 'failed':
      narrateError(log, event.error);
      break;
    default:
      log.debug(`life: ${event.type}`);
  }
}

/** A phase that lasts, and that no event's own line explains. */
export function narratePhase(log: Log, { phase, handover }: Life): void {
  if (phase === 'handed-over') log.info('handed over, waiting to be stopped', { to: handover?.by });
}

function narrateError(log: Log, error: StationError): void {
  const stack = error.code === 'INTERNAL' && error.cause instanceof Error ? error.cause.stack : undefined;
  log.error(error.message, { code: error.code, hint: error.hint, stack });
}

/** What each replica holds when the drain is over. `now`: milliseconds since the Unix epoch. */
export function narrateDrain(log: Log, report: DrainReport, took: Milliseconds, now: Milliseconds): void {
  const incomplete = report.replicas.filter((replica) => !replica.complete);
  for (const replica of incomplete) {
    const fields = describeMissing(replica, now);
    if (report.complete) log.warn('drain: replica is behind', fields);
    else log.error('drain: commits not replicated', fields);
  }
  const seconds = inSeconds(took);
  // In ephemeral mode there was nothing to drain, and saying otherwise would be a promise.
  if (report.replicas.length === 0 && report.complete) return;
  if (report.complete) log.info('drain complete', { seconds });
  else log.error('drain incomplete: keep the volume and start again', { seconds });
}

function describeMissing({ database, replica, missing, reason }: ReplicaDrain, now: Milliseconds) {
  return {
    db: database,
    replica,
    files: missing.files,
    txids: missing.txids && `${formatTxid(missing.txids.first)}-${formatTxid(missing.txids.last)}`,
    bytes: missing.bytes,
    'behind-seconds': missing.since === undefined ? undefined : inSeconds(Math.max(0, now - missing.since)),
    error: reason,
  };
}

function inSeconds(duration: number): number {
  return Math.round(duration) / 1000;
}
