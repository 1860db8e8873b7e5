import type { StationError } from '../errors.ts';
import type { Milliseconds } from '../quantities.ts';
import type { ChildEnd, DrainEnd, RunEnd } from './exit-status.ts';
import type { HandoverRequest } from './replication-port.ts';
import type { RestartPolicy } from './restart-policy.ts';
import type { SignalMap } from './signal-map.ts';

/**
 * restoring → starting → running → stopping → clearing → draining → closing → done, each skipped where it has no
 * meaning; clearing → restarting → starting where a failed child is started again; closing → handed-over → done where
 * another instance asked for the lease. Once anything was opened, every way to the end leads through draining.
 */
export type Phase =
  /** Replication is being prepared; there is no child. */
  | 'restoring'
  | 'starting'
  | 'running'
  /** The child was asked to end. */
  | 'stopping'
  /** The child has ended; what it started may still run. */
  | 'clearing'
  /** Nothing of the failed child is left; the next one starts after a pause. Replication goes on. */
  | 'restarting'
  | 'draining'
  | 'closing'
  /** Another instance goes on with the database. Nothing is open; the platform's stop signal is awaited. */
  | 'handed-over'
  | 'done';

/** What was decided before the life begins. */
export interface LifePlan {
  /** False: replication alone, until it is told to stop. */
  readonly hasCommand: boolean;
  readonly signalMap: SignalMap;
  readonly restart: RestartPolicy;
  /** The child is asked whether it is up. Otherwise it counts as ready as soon as it runs. */
  readonly isProbed: boolean;
}

export interface Life {
  readonly phase: Phase;
  readonly plan: LifePlan;
  /** The first signal that asked this program to stop. */
  readonly stop: NodeJS.Signals | undefined;
  /** Stop signals this child has got, or gets when it has started, in the words of the child: after the map. */
  readonly forwarded: readonly NodeJS.Signals[];
  /** Of the child that runs now. */
  readonly childReady: boolean;
  /** A child was ready once. */
  readonly hasBeenReady: boolean;
  /** This child was not ready in time. */
  readonly notReady: StationError | undefined;
  readonly restarts: number;
  /** Children that failed soon after their start, since the last one that did not. */
  readonly failuresInARow: number;
  readonly handover: HandoverRequest | undefined;
  readonly end: RunEnd | undefined;
  readonly drain: DrainEnd;
  readonly failure: StationError | undefined;
}

export type LifeEvent =
  | { readonly type: 'prepared' }
  | { readonly type: 'prepare-failed'; readonly error: StationError }
  | { readonly type: 'child-started' }
  | { readonly type: 'child-failed'; readonly error: StationError }
  /** It answers that it is up, `took` after its start; `again`: after it had been up and was not. */
  | { readonly type: 'child-ready'; readonly took: Milliseconds; readonly again: boolean }
  | { readonly type: 'child-unready'; readonly reason: string }
  | { readonly type: 'startup-timeout'; readonly error: StationError }
  | { readonly type: 'child-ended'; readonly end: ChildEnd; readonly ran: Milliseconds }
  /** `survivors`: how many processes not even SIGKILL has ended. */
  | { readonly type: 'group-gone'; readonly survivors: number }
  | { readonly type: 'restart-due' }
  | { readonly type: 'drained'; readonly complete: boolean }
  | { readonly type: 'closed' }
  | { readonly type: 'signal'; readonly signal: NodeJS.Signals }
  /** Another instance waits for the lease. */
  | { readonly type: 'handover-asked'; readonly request: HandoverRequest }
  /** Fenced, or replication failed for good, or a bug here. */
  | { readonly type: 'failed'; readonly error: StationError }
  /** The application's share of the budget is used up. */
  | { readonly type: 'application-deadline' }
  /** A moment later: even SIGKILL did not end it. */
  | { readonly type: 'kill-deadline' }
  | { readonly type: 'drain-deadline' }
  | { readonly type: 'close-deadline' };

export type LifeAction =
  | { readonly do: 'abort-prepare' }
  | { readonly do: 'start-child' }
  /** From here the time of the stop runs. Only the first one counts, until `end-stop`. */
  | { readonly do: 'begin-stop' }
  /** A stop was asked for while one that nobody waits for went on at leisure. */
  | { readonly do: 'hurry' }
  /** That stop is over, and the life goes on. */
  | { readonly do: 'end-stop' }
  | { readonly do: 'wait-restart'; readonly delay: Milliseconds; readonly restart: number }
  | { readonly do: 'sync-soon' }
  | { readonly do: 'forward'; readonly signal: NodeJS.Signals }
  | { readonly do: 'kill-group' }
  /** `terminate`: what to send to those that are left; undefined where they have had it. */
  | { readonly do: 'clear-group'; readonly terminate: NodeJS.Signals | undefined }
  | { readonly do: 'drain' }
  | { readonly do: 'close' };

export interface Step {
  readonly life: Life;
  readonly actions: readonly LifeAction[];
}
