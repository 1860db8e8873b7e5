import type { Life, Phase } from './life.ts';

export type Readiness = { readonly kind: 'ready' } | { readonly kind: 'not-ready'; readonly reason: string };

/** What the world may know of a life: what health endpoints answer by. */
export interface LifeView {
  readonly phase: Phase;
  /** Whether to send requests here. Replication has a word in that as well; this is the supervisor's. */
  readonly readiness: Readiness;
  /** Whether the restore is done and the child has been up once. It never goes back. */
  readonly startup: Readiness;
  /** How often the child was started again. */
  readonly restarts: number;
  /** The signal that asked for the stop. */
  readonly stop: NodeJS.Signals | undefined;
  /** Who has asked for, or got, the lease. */
  readonly handedTo: string | undefined;
}

/** Told of each change of the view, and only of changes. It is called in the midst of the life: it must not throw. */
export type LifeObserver = (view: LifeView) => void;

export function viewLife(life: Life): LifeView {
  return {
    phase: life.phase,
    readiness: readinessOf(life),
    startup: life.hasBeenReady ? ready : notReady(startupReason(life)),
    restarts: life.restarts,
    stop: life.stop,
    handedTo: life.handover?.by,
  };
}

/** Ready is only a life whose child is up, which was asked neither to stop nor to hand over, and which nothing broke. */
function readinessOf(life: Life): Readiness {
  if (life.failure !== undefined) return notReady(life.failure.message);
  if (life.handover !== undefined) return notReady(`handed over to ${life.handover.by}`);
  if (life.stop !== undefined) return notReady(`${life.stop} received`);
  if (life.phase === 'running' && life.childReady) return ready;
  return notReady(reasons[life.phase]);
}

export function isSameView(one: LifeView, other: LifeView): boolean {
  return (
    one.phase === other.phase &&
    isSameReadiness(one.readiness, other.readiness) &&
    isSameReadiness(one.startup, other.startup) &&
    one.restarts === other.restarts &&
    one.stop === other.stop &&
    one.handedTo === other.handedTo
  );
}

const ready: Readiness = { kind: 'ready' };

function notReady(reason: string): Readiness {
  return { kind: 'not-ready', reason };
}

function isSameReadiness(one: Readiness, other: Readiness): boolean {
  return one.kind === other.kind && reasonOf(one) === reasonOf(other);
}

function reasonOf(readiness: Readiness): string {
  return readiness.kind === 'ready' ? '' : readiness.reason;
}

function startupReason(life: Life): string {
  const readiness = readinessOf(life);
  return readiness.kind === 'ready' ? reasons.starting : readiness.reason;
}

const reasons: Readonly<Record<Phase, string>> = {
  restoring: 'restoring',
  starting: 'the command is being started',
  running: 'the command is not ready',
  stopping: 'the command is being stopped',
  clearing: 'the command has ended',
  restarting: 'the command failed and is started again soon',
  draining: 'draining',
  closing: 'closing',
  'handed-over': 'handed over',
  done: 'ended',
};
