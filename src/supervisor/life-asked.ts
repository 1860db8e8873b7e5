import type { StationError } from '../errors.ts';
import type { Life, Step } from './life.ts';
import {
  abortPrepare,
  drain,
  end,
  forward,
  hurry,
  noteForwarded,
  noteStop,
  stay,
  stopChild,
  stopReplication,
} from './life-steps.ts';
import type { HandoverRequest } from './replication-port.ts';
import { isStopSignal, isStopSignalWithoutChild } from './signals.ts';

export function onSignal(life: Life, signal: NodeJS.Signals): Step {
  switch (life.phase) {
    case 'restoring':
      if (!isStopSignalWithoutChild(signal) || life.stop !== undefined) return stay(life);
      // A hand-over has begun its own, at leisure.
      return life.handover === undefined ? abortPrepare(noteStop(life, signal)) : hurry(life, signal, []);
    case 'starting':
      return isStopSignal(signal) ? stay(noteForwarded(noteStop(life, signal), signal)) : stay(life);
    case 'running':
      if (!life.plan.hasCommand) {
        return isStopSignalWithoutChild(signal) ? stopReplication(noteStop(life, signal)) : stay(life);
      }
      return isStopSignal(signal) ? stopChild(noteStop(life, signal), signal) : forward(life, signal);
    case 'stopping': {
      const { life: next, actions } = forward(life, signal);
      return isStopSignal(signal) ? hurry(next, signal, actions) : { life: next, actions };
    }
    // What the child left behind has had its signal by now. Only the first stop counts, and it leaves a whole budget.
    case 'clearing':
    case 'draining':
      return isStopSignal(signal) ? hurry(life, signal, []) : stay(life);
    case 'restarting':
      return isStopSignal(signal) ? drain(noteStop(life, signal)) : stay(life);
    case 'handed-over':
      return isStopSignalWithoutChild(signal) ? end(noteStop(life, signal)) : stay(life);
    case 'closing':
      // After a hand-over there would be a wait for it.
      return stay(isStopSignal(signal) ? noteStop(life, signal) : life);
    case 'done':
      return stay(life);
  }
}

/** A child whose commits go nowhere, or fork the history of another one, must not go on. */
export function onFailure(before: Life, error: StationError): Step {
  const life = { ...before, failure: before.failure ?? error };
  return life.phase === 'handed-over' ? end(life) : windUp(life);
}

/** The newcomer gets the lease once this one is closed, so everything is stopped as if the platform had asked. */
export function onHandover(life: Life, request: HandoverRequest): Step {
  const isTooLate = life.phase === 'closing' || life.phase === 'handed-over' || life.phase === 'done';
  if (isTooLate || life.handover !== undefined) return stay(life);
  return windUp({ ...life, handover: request });
}

/** Whatever runs is stopped in good order; what is being stopped already stays so. */
function windUp(life: Life): Step {
  switch (life.phase) {
    case 'restoring':
      return abortPrepare(life);
    case 'starting':
      return stay(noteForwarded(life, 'SIGTERM'));
    case 'running':
      return life.plan.hasCommand ? stopChild(life) : stopReplication(life);
    case 'restarting':
      return drain(life);
    case 'stopping':
    case 'clearing':
    case 'draining':
    case 'closing':
    case 'handed-over':
    case 'done':
      return stay(life);
  }
}
