import type { StationError } from '../errors.ts';
import type { ChildEnd, DrainEnd, RunEnd } from './exit-status.ts';
import type { Life, LifeEvent, LifePlan, Step } from './life.ts';
import { onFailure, onHandover, onSignal } from './life-asked.ts';
import { close, drain, end, stay, stopChild, stopping } from './life-steps.ts';
import { isFailure, longEnough, restartDelay } from './restart-policy.ts';
import { mapSignal } from './signal-map.ts';

/**
 * The life of the container as a state machine: events in, the next state and what to do out. It knows no process,
 * no clock and no store; `supervise.ts` does what it says.
 */
export function beginLife(plan: LifePlan): Life {
  return {
    phase: 'restoring',
    plan,
    stop: undefined,
    forwarded: [],
    childReady: false,
    hasBeenReady: false,
    notReady: undefined,
    restarts: 0,
    failuresInARow: 0,
    handover: undefined,
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
    case 'handover-asked':
      return onHandover(life, event.request);
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
    case 'child-ready':
      return life.phase === 'running' ? stay({ ...life, childReady: true, hasBeenReady: true }) : stay(life);
    case 'child-unready':
      return life.phase === 'running' ? stay({ ...life, childReady: false }) : stay(life);
    case 'startup-timeout':
      return life.phase === 'running' && !life.childReady ? stopChild({ ...life, notReady: event.error }) : stay(life);
    case 'child-ended':
      return life.phase === 'running' || life.phase === 'stopping'
        ? afterChild(life, event.end, event.ran)
        : stay(life);
    case 'group-gone':
      return life.phase === 'clearing' ? afterGroup(life, event.survivors) : stay(life);
    case 'restart-due':
      return life.phase === 'restarting' ? startAgain(life) : stay(life);
    case 'drained':
      return afterDrain(life, drainEnd(event.complete));
    case 'closed':
      return life.phase === 'closing' ? afterClose(life) : stay(life);
    case 'application-deadline':
      return life.phase === 'stopping' ? { life, actions: [{ do: 'kill-group' }] } : stay(life);
    case 'kill-deadline':
      return life.phase === 'stopping' ? drain({ ...life, end: endOfChild(life, unkillable) }) : stay(life);
    case 'drain-deadline':
      return onDrainDeadline(life);
    case 'close-deadline':
      return life.phase === 'closing' ? end(life) : stay(life);
  }
}

/** Its report may come a moment after its deadline, and then still tells what is so: one replica that hangs is not all. */
function afterDrain(life: Life, drain: DrainEnd): Step {
  if (life.phase === 'draining') return close({ ...life, drain });
  return life.phase === 'closing' && life.drain === 'incomplete' ? stay({ ...life, drain }) : stay(life);
}

const unkillable: ChildEnd = { kind: 'signalled', signal: 'SIGKILL' };

function onDrainDeadline(life: Life): Step {
  // The restore does not heed its abort; it works on temporary files, so it can be left where it is.
  if (life.phase === 'restoring') return close({ ...life, end: endBeforeStart(life, life.failure) });
  return life.phase === 'draining' ? close({ ...life, drain: 'incomplete' }) : stay(life);
}

function afterPrepare(life: Life): Step {
  if (isToEnd(life)) return drain({ ...life, end: endBeforeStart(life, life.failure) });
  if (!life.plan.hasCommand) return stay({ ...life, phase: 'running', childReady: true, hasBeenReady: true });
  return { life: { ...life, phase: 'starting' }, actions: [{ do: 'start-child' }] };
}

function afterStart(life: Life): Step {
  const stops = life.forwarded.map((signal) => ({ do: 'forward', signal }) as const);
  if (stops.length > 0) return stopping(life, stops);
  const ready = !life.plan.isProbed;
  return stay({ ...life, phase: 'running', childReady: ready, hasBeenReady: life.hasBeenReady || ready });
}

function afterChild(life: Life, childEnd: ChildEnd, ran: number): Step {
  const ended = { ...life, end: endOfChild(life, childEnd), childReady: false };
  const failuresInARow = ran >= longEnough ? 0 : life.failuresInARow + 1;
  const last = mapSignal(life.plan.signalMap, 'SIGTERM');
  return {
    life: { ...ended, phase: 'clearing', failuresInARow },
    actions: [
      { do: 'begin-stop' },
      { do: 'sync-soon' },
      { do: 'clear-group', terminate: life.forwarded.includes(last) ? undefined : last },
    ],
  };
}

/** Not beside what is left of an earlier child: two of them would write to one database. */
function afterGroup(life: Life, survivors: number): Step {
  const { restart } = life.plan;
  const again =
    restart.kind === 'on-failure' &&
    life.restarts < restart.most &&
    survivors === 0 &&
    isFailure(life.end) &&
    !isToEnd(life);
  if (!again) return drain(life);
  return {
    life: { ...life, phase: 'restarting' },
    actions: [
      { do: 'end-stop' },
      { do: 'wait-restart', delay: restartDelay(life.failuresInARow), restart: life.restarts + 1 },
    ],
  };
}

function startAgain(life: Life): Step {
  return {
    life: {
      ...life,
      phase: 'starting',
      restarts: life.restarts + 1,
      forwarded: [],
      end: undefined,
      notReady: undefined,
    },
    actions: [{ do: 'start-child' }],
  };
}

/** With a stop asked for meanwhile there is nothing to wait for; with a failure there is something to tell. */
function afterClose(life: Life): Step {
  const waits = life.handover !== undefined && life.stop === undefined && life.failure === undefined;
  return waits ? stay({ ...life, phase: 'handed-over' }) : end(life);
}

function isToEnd(life: Life): boolean {
  return life.stop !== undefined || life.failure !== undefined || life.handover !== undefined;
}

function endBeforeStart(life: Life, error: StationError | undefined): RunEnd {
  if (life.stop !== undefined) return { kind: 'stopped-before-start', signal: life.stop };
  if (life.failure !== undefined) return { kind: 'not-started', error: life.failure };
  // The error, if there is one, is that of the restore that was broken off.
  if (life.handover !== undefined || error === undefined) return { kind: 'replication-stopped' };
  return { kind: 'not-started', error };
}

function endOfChild(life: Life, childEnd: ChildEnd): RunEnd {
  return life.notReady === undefined ? childEnd : { kind: 'not-started', error: life.notReady };
}

function drainEnd(complete: boolean): DrainEnd {
  return complete ? 'complete' : 'incomplete';
}
