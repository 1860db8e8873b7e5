import type { StationError } from '../errors.ts';
import type { ChildEnd, DrainEnd, RunEnd } from './exit-status.ts';
import { isStopSignal, isStopSignalWithoutChild } from './signals.ts';

/**
 * The life of the container as a state machine: events in, the next state and what to do out. It knows no process,
 * no clock and no store; `supervise.ts` does what it says.
 *
 * restoring → starting → running → stopping → clearing → draining → closing → done, each skipped where it has no meaning.
 * Once anything was opened, every way to the end leads through draining.
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
  | 'draining'
  | 'closing'
  | 'done';

export interface Life {
  readonly phase: Phase;
  /** False: replication alone, until it is told to stop. */
  readonly hasCommand: boolean;
  /** The first signal that asked for the stop. */
  readonly stop: NodeJS.Signals | undefined;
  /** Stop signals the child has got, or gets when it has started. */
  readonly forwarded: readonly NodeJS.Signals[];
  readonly end: RunEnd | undefined;
  readonly drain: DrainEnd;
  readonly failure: StationError | undefined;
}

export type LifeEvent =
  | { readonly type: 'prepared' }
  | { readonly type: 'prepare-failed'; readonly error: StationError }
  | { readonly type: 'child-started' }
  | { readonly type: 'child-failed'; readonly error: StationError }
  | { readonly type: 'child-ended'; readonly end: ChildEnd }
  | { readonly type: 'group-gone' }
  | { readonly type: 'drained'; readonly complete: boolean }
  | { readonly type: 'closed' }
  | { readonly type: 'signal'; readonly signal: NodeJS.Signals }
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
  /** From here the time of the stop runs. Only the first one counts. */
  | { readonly do: 'begin-stop' }
  /** A stop was asked for while what the child left behind, having ended by itself, was drained at leisure. */
  | { readonly do: 'hurry' }
  | { readonly do: 'sync-soon' }
  | { readonly do: 'forward'; readonly signal: NodeJS.Signals }
  | { readonly do: 'kill-group' }
  /** `terminate`: what is left has not had SIGTERM yet. */
  | { readonly do: 'clear-group'; readonly terminate: boolean }
  | { readonly do: 'drain' }
  | { readonly do: 'close' };

export interface Step {
  readonly life: Life;
  readonly actions: readonly LifeAction[];
}

export function beginLife(hasCommand: boolean): Life {
  return {
    phase: 'restoring',
    hasCommand,
    stop: undefined,
    forwarded: [],
    end: undefined,
    drain: 'not-needed',
    failure: undefined,
  };
}

/** What follows from an event. An event that means nothing in the phase (a late timer, a second stop) changes nothing. */
export function step(life: Life, event: LifeEvent): Step {
  switch (event.type) {
    case 'signal':
      return onSignal(life, event.signal);
    case 'failed':
      return onFailure(life, event.error);
    case 'prepared':
      return life.phase === 'restoring' ? afterPrepare(life) : stay(life);
    case 'prepare-failed':
      return life.phase === 'restoring' ? close({ ...life, end: endBeforeStart(life, event.error) }) : stay(life);
    case 'child-started':
      return life.phase === 'starting' ? afterStart(life) : stay(life);
    case 'child-failed':
      return life.phase === 'starting'
        ? drain({ ...life, end: { kind: 'not-started', error: event.error } })
        : stay(life);
    case 'child-ended':
      return life.phase === 'running' || life.phase === 'stopping' ? clear({ ...life, end: event.end }) : stay(life);
    case 'group-gone':
      return life.phase === 'clearing' ? drain(life) : stay(life);
    case 'drained':
      return life.phase === 'draining' ? close({ ...life, drain: drainEnd(event.complete) }) : stay(life);
    case 'closed':
      return life.phase === 'closing' ? { life: { ...life, phase: 'done' }, actions: [] } : stay(life);
    case 'application-deadline':
      return life.phase === 'stopping' ? { life, actions: [{ do: 'kill-group' }] } : stay(life);
    case 'kill-deadline':
      return life.phase === 'stopping' ? drain({ ...life, end: unkillable }) : stay(life);
    case 'drain-deadline':
      return onDrainDeadline(life);
    case 'close-deadline':
      return life.phase === 'closing' ? { life: { ...life, phase: 'done' }, actions: [] } : stay(life);
  }
}

const unkillable: ChildEnd = { kind: 'signalled', signal: 'SIGKILL' };

function onSignal(life: Life, signal: NodeJS.Signals): Step {
  switch (life.phase) {
    case 'restoring':
      if (!isStopSignalWithoutChild(signal) || life.stop !== undefined) return stay(life);
      return { life: { ...life, stop: signal }, actions: [{ do: 'begin-stop' }, { do: 'abort-prepare' }] };
    case 'starting':
      if (!isStopSignal(signal) || life.forwarded.includes(signal)) return stay(life);
      return stay(noteStop(life, signal));
    case 'running':
      if (!life.hasCommand)
        return isStopSignalWithoutChild(signal) ? stopReplication(noteStop(life, signal)) : stay(life);
      if (!isStopSignal(signal)) return { life, actions: [{ do: 'forward', signal }] };
      return stop(noteStop(life, signal), [{ do: 'forward', signal }]);
    case 'stopping':
      if (!isStopSignal(signal)) return { life, actions: [{ do: 'forward', signal }] };
      if (life.forwarded.includes(signal)) return stay(life);
      return { life: noteStop(life, signal), actions: [{ do: 'forward', signal }] };
    // What the child left behind has had SIGTERM by now. Only the first stop counts, and it leaves a whole budget.
    case 'clearing':
    case 'draining':
      if (!isStopSignal(signal) || life.stop !== undefined) return stay(life);
      return { life: { ...life, stop: signal }, actions: [{ do: 'hurry' }] };
    case 'closing':
    case 'done':
      return stay(life);
  }
}

function onFailure(before: Life, error: StationError): Step {
  const life = { ...before, failure: before.failure ?? error };
  switch (life.phase) {
    case 'restoring':
      return { life, actions: [{ do: 'begin-stop' }, { do: 'abort-prepare' }] };
    case 'running':
      if (!life.hasCommand) return stopReplication(life);
      // A child whose commits go nowhere, or fork the history of another one, must not go on.
      return stop(noteStop(life, 'SIGTERM'), [{ do: 'forward', signal: 'SIGTERM' }]);
    case 'starting':
      return stay(noteStop(life, 'SIGTERM'));
    case 'stopping':
    case 'clearing':
    case 'draining':
    case 'closing':
    case 'done':
      return stay(life);
  }
}

function onDrainDeadline(life: Life): Step {
  // The restore does not heed its abort; it works on temporary files, so it can be left where it is.
  if (life.phase === 'restoring') return close({ ...life, end: endBeforeStart(life, life.failure) });
  return life.phase === 'draining' ? close({ ...life, drain: 'incomplete' }) : stay(life);
}

function afterPrepare(life: Life): Step {
  if (life.stop !== undefined || life.failure !== undefined) {
    return drain({ ...life, end: endBeforeStart(life, life.failure) });
  }
  if (!life.hasCommand) return { life: { ...life, phase: 'running' }, actions: [] };
  return { life: { ...life, phase: 'starting' }, actions: [{ do: 'start-child' }] };
}

function afterStart(life: Life): Step {
  if (life.forwarded.length === 0) return { life: { ...life, phase: 'running' }, actions: [] };
  return stop(
    life,
    life.forwarded.map((signal) => ({ do: 'forward', signal })),
  );
}

function endBeforeStart(life: Life, error: StationError | undefined): RunEnd {
  if (life.stop !== undefined) return { kind: 'stopped-before-start', signal: life.stop };
  return error === undefined ? { kind: 'replication-stopped' } : { kind: 'not-started', error };
}

function noteStop(life: Life, signal: NodeJS.Signals): Life {
  if (life.forwarded.includes(signal)) return life;
  return { ...life, stop: life.stop ?? signal, forwarded: [...life.forwarded, signal] };
}

function stop(life: Life, forward: readonly LifeAction[]): Step {
  return {
    life: { ...life, phase: 'stopping' },
    actions: [{ do: 'begin-stop' }, ...forward, { do: 'sync-soon' }],
  };
}

function stopReplication(life: Life): Step {
  return drain({ ...life, end: { kind: 'replication-stopped' } });
}

function clear(life: Life): Step {
  return {
    life: { ...life, phase: 'clearing' },
    actions: [
      { do: 'begin-stop' },
      { do: 'sync-soon' },
      { do: 'clear-group', terminate: !life.forwarded.includes('SIGTERM') },
    ],
  };
}

function drain(life: Life): Step {
  return { life: { ...life, phase: 'draining' }, actions: [{ do: 'begin-stop' }, { do: 'drain' }] };
}

function close(life: Life): Step {
  return { life: { ...life, phase: 'closing' }, actions: [{ do: 'close' }] };
}

function stay(life: Life): Step {
  return { life, actions: [] };
}

function drainEnd(complete: boolean): DrainEnd {
  return complete ? 'complete' : 'incomplete';
}
