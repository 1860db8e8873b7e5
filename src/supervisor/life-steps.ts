import type { Life, LifeAction, Step } from './life.ts';
import { mapSignal } from './signal-map.ts';
import { isStopSignal } from './signals.ts';

export function noteStop(life: Life, signal: NodeJS.Signals): Life {
  return { ...life, stop: life.stop ?? signal };
}

export function noteForwarded(life: Life, signal: NodeJS.Signals): Life {
  const sent = mapSignal(life.plan.signalMap, signal);
  return life.forwarded.includes(sent) ? life : { ...life, forwarded: [...life.forwarded, sent] };
}

/** A child gets each signal that means a stop to it once: many programs take a second one as "at once". */
export function forward(life: Life, signal: NodeJS.Signals): Step {
  const sent = mapSignal(life.plan.signalMap, signal);
  if (!isStopSignal(signal) && !isStopSignal(sent)) return { life, actions: [{ do: 'forward', signal: sent }] };
  if (life.forwarded.includes(sent)) return stay(life);
  return { life: noteForwarded(life, signal), actions: [{ do: 'forward', signal: sent }] };
}

export function stopChild(life: Life, signal: NodeJS.Signals = 'SIGTERM'): Step {
  const { life: next, actions } = forward(life, signal);
  return stopping(next, actions);
}

export function stopping(life: Life, forwards: readonly LifeAction[]): Step {
  return {
    life: { ...life, phase: 'stopping', childReady: false },
    actions: [{ do: 'begin-stop' }, ...forwards, { do: 'sync-soon' }],
  };
}

export function hurry(life: Life, signal: NodeJS.Signals, actions: readonly LifeAction[]): Step {
  if (life.stop !== undefined) return { life, actions };
  return { life: noteStop(life, signal), actions: [{ do: 'hurry' }, ...actions] };
}

export function abortPrepare(life: Life): Step {
  return { life, actions: [{ do: 'begin-stop' }, { do: 'abort-prepare' }] };
}

export function stopReplication(life: Life): Step {
  return drain({ ...life, childReady: false, end: { kind: 'replication-stopped' } });
}

export function drain(life: Life): Step {
  return { life: { ...life, phase: 'draining' }, actions: [{ do: 'begin-stop' }, { do: 'drain' }] };
}

export function close(life: Life): Step {
  return { life: { ...life, phase: 'closing' }, actions: [{ do: 'close' }] };
}

export function end(life: Life): Step {
  return stay({ ...life, phase: 'done' });
}

export function stay(life: Life): Step {
  return { life, actions: [] };
}
