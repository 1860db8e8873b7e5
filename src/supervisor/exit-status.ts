import { constants } from 'node:os';
import type { StationError } from '../errors.ts';

/** How the child ended. */
export type ChildEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: NodeJS.Signals };

/** Why this process ends: how the child ended, or why there was none. */
export type RunEnd =
  | ChildEnd
  /** Replication without a child was asked to stop, which is its regular end. */
  | { readonly kind: 'replication-stopped' }
  /** The restore or the start failed. */
  | { readonly kind: 'not-started'; readonly error: StationError }
  /** A stop was asked for before there was a child. */
  | { readonly kind: 'stopped-before-start'; readonly signal: NodeJS.Signals };

/** `not-needed`: nothing was opened, so nothing could be lost. */
export type DrainEnd = 'complete' | 'incomplete' | 'not-needed';

export interface RunOutcome {
  readonly end: RunEnd;
  readonly drain: DrainEnd;
  /** Fenced by another writer, or replication failed for good, or a bug here. */
  readonly failure: StationError | undefined;
}

const drainIncompleteStatus = 75;

/**
 * The exit status of the supervisor (design, "Exit status"). The worse news wins: that another writer took over or
 * replication broke, then that commits are in no replica, then why there was no child, then the child's own end.
 */
export function exitStatus({ end, drain, failure }: RunOutcome): number {
  if (failure !== undefined) return failure.exitStatus;
  if (drain === 'incomplete') return drainIncompleteStatus;
  switch (end.kind) {
    case 'exited':
      return end.code;
    case 'signalled':
    case 'stopped-before-start':
      return signalStatus(end.signal);
    case 'replication-stopped':
      return 0;
    case 'not-started':
      return end.error.exitStatus;
  }
}

/** 128 + n, as shells report an end by signal n. */
function signalStatus(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
