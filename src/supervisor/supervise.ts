import { StationError, toStationError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import { describeStopBudget, type StopBudget } from './budget.ts';
import { type MonotonicClock, monotonicClock } from './clock.ts';
import type { StopCause } from './deadlines.ts';
import { exitStatus } from './exit-status.ts';
import type { Life, LifeAction, LifeEvent } from './life.ts';
import { isSameView, type LifeObserver, type LifeView, viewLife } from './life-view.ts';
import { beginLife, step } from './lifecycle.ts';
import { narrate, narrateDrain, narratePhase } from './narrate.ts';
import type { Replication } from './replication-port.ts';
import { neverRestart, type RestartPolicy } from './restart-policy.ts';
import { type SignalMap, unchangedSignals } from './signal-map.ts';
import { ignoreSignals, receiveSignals } from './signals.ts';
import { StopClock } from './stop-clock.ts';
import { type CommandOptions, SupervisedCommand } from './supervised-command.ts';

export interface SuperviseOptions extends CommandOptions {
  readonly budget: StopBudget;
  readonly replication: Replication;
  /** Default: every signal is passed on as it came. */
  readonly signalMap?: SignalMap;
  /** Default: never. */
  readonly restart?: RestartPolicy;
  /** Told of every change in what the world may know of this life. */
  readonly onLife?: LifeObserver;
  /** The process ends with what this resolves to: no signal changes that any more. Default: signals mean what they did. */
  readonly isLast?: boolean;
  readonly now?: MonotonicClock;
}

/**
 * Lives one life of the container: restore, child, drain. Resolves to the exit status once the replication is closed;
 * errors are logged and decide the status, so it does not reject. While it runs, the signals of this process and its
 * uncaught exceptions are its own: a bug here stops the child in good order and drains, instead of orphaning it.
 */
export async function supervise(options: SuperviseOptions): Promise<number> {
  const supervision = new Supervision(options);
  const releaseSignals = receiveSignals(supervision.onSignal);
  process.on('uncaughtException', supervision.onUncaught);
  try {
    return await supervision.live();
  } finally {
    process.off('uncaughtException', supervision.onUncaught);
    // A stop signal that comes when all is done would end the process with its own status.
    if (options.isLast === true) ignoreSignals();
    releaseSignals();
  }
}

const longestInterval = 2 ** 31 - 1;

class Supervision {
  readonly #options: SuperviseOptions;
  readonly #now: MonotonicClock;
  readonly #abort = new AbortController();
  readonly #stop: StopClock;
  readonly #command: SupervisedCommand;
  readonly #done = Promise.withResolvers<Life>();
  #life: Life;
  #told: LifeView | undefined;
  #restartTimer: NodeJS.Timeout | undefined;

  constructor(options: SuperviseOptions) {
    this.#options = options;
    this.#now = options.now ?? monotonicClock;
    const tell = (event: LifeEvent) => this.#handle(event);
    this.#stop = new StopClock(this.#now, options.budget, tell);
    this.#command = new SupervisedCommand(options, this.#now, tell);
    this.#life = beginLife({
      hasCommand: options.command.length > 0,
      signalMap: options.signalMap ?? unchangedSignals,
      restart: options.restart ?? neverRestart,
      isProbed: options.readyCheck !== undefined,
    });
  }

  readonly onSignal = (signal: NodeJS.Signals): void => this.#handle({ type: 'signal', signal });

  readonly onUncaught = (error: unknown): void => {
    this.#handle({ type: 'failed', error: new StationError('INTERNAL', messageOf(error), { cause: error }) });
  };

  async live(): Promise<number> {
    const { log, budget, replication } = this.#options;
    log.info(describeStopBudget(budget), { platform: budget.platform });
    if (budget.warning !== undefined) log.warn(budget.warning, { platform: budget.platform });
    if (process.pid === 1) warnOfPid1(log);
    this.#tellObserver();
    replication.failed.then((error) => this.#handle({ type: 'failed', error }), this.onUncaught);
    replication.handover.then((request) => this.#handle({ type: 'handover-asked', request }), this.onUncaught);
    this.#settle(
      () => replication.prepare(this.#abort.signal),
      () => ({ type: 'prepared' }),
      (error) => ({ type: 'prepare-failed', error }),
    );
    // Without a child, nothing else may be holding Node's event loop.
    const holdEventLoop = setInterval(() => {}, longestInterval);
    const life = await this.#done.promise;
    clearInterval(holdEventLoop);
    this.#stop.reset();
    if (life.end === undefined) throw new StationError('INTERNAL', 'the supervision ended without an end');
    return exitStatus({ end: life.end, drain: life.drain, failure: life.failure });
  }

  #handle(event: LifeEvent): void {
    if (this.#life.phase === 'done') return;
    // An aborted restore fails, of course.
    if (event.type !== 'prepare-failed' || !this.#abort.signal.aborted) narrate(this.#options.log, event);
    const before = this.#life.phase;
    const { life, actions } = step(this.#life, event);
    this.#life = life;
    if (life.phase !== before) narratePhase(this.#options.log, life);
    this.#tellObserver();
    if (life.phase !== 'running') this.#command.endWatch();
    if (life.phase !== 'restarting') clearTimeout(this.#restartTimer);
    for (const action of actions) this.#perform(action);
    if (life.phase === 'done') this.#done.resolve(life);
  }

  #tellObserver(): void {
    const view = viewLife(this.#life);
    if (this.#told !== undefined && isSameView(this.#told, view)) return;
    this.#told = view;
    this.#options.onLife?.(view);
  }

  #perform(action: LifeAction): void {
    switch (action.do) {
      case 'abort-prepare':
        this.#abort.abort();
        break;
      case 'start-child':
        void this.#command.start();
        break;
      case 'begin-stop':
        this.#stop.begin(this.#cause);
        break;
      case 'hurry':
        this.#stop.hurry();
        break;
      case 'end-stop':
        this.#stop.reset();
        break;
      case 'wait-restart':
        this.#waitForRestart(action.delay, action.restart);
        break;
      case 'sync-soon':
        this.#options.replication.syncSoon();
        break;
      case 'forward':
        this.#command.forward(action.signal);
        break;
      case 'kill-group':
        this.#command.kill();
        break;
      case 'clear-group':
        this.#clearGroup(action.terminate);
        break;
      case 'drain':
        this.#drain();
        break;
      case 'close':
        this.#close();
        break;
    }
  }

  #waitForRestart(delay: Milliseconds, restart: number): void {
    this.#options.log.warn('command failed, and is started again', { 'in-seconds': delay / 1000, restart });
    this.#restartTimer = setTimeout(() => this.#handle({ type: 'restart-due' }), delay);
  }

  /** Nobody counts the seconds of a child that ended by itself, nor those of a hand-over: a lost commit costs more. */
  get #cause(): StopCause {
    const { stop, failure } = this.#life;
    return stop === undefined && failure === undefined ? 'by-itself' : 'asked';
  }

  #clearGroup(terminate: NodeJS.Signals | undefined): void {
    const { kill: killAt, giveUp: giveUpAt } = this.#stop.begin(this.#cause);
    this.#settle(
      () => this.#command.clear(terminate, killAt, giveUpAt),
      (left) => ({ type: 'group-gone', survivors: left.length }),
      (error) => {
        this.#handle({ type: 'failed', error });
        return { type: 'group-gone', survivors: 0 };
      },
    );
  }

  #drain(): void {
    const { replication, log } = this.#options;
    const began = this.#now();
    this.#settle(
      () => replication.drain(this.#stop.drainTimeUp),
      (report) => {
        narrateDrain(log, report, milliseconds(this.#now() - began), milliseconds(Date.now()));
        return { type: 'drained', complete: report.complete };
      },
      (error) => {
        narrate(log, { type: 'failed', error });
        return { type: 'drained', complete: false };
      },
    );
  }

  #close(): void {
    const { replication } = this.#options;
    this.#stop.beginClose(this.#cause);
    this.#settle(
      () => replication.close(),
      () => ({ type: 'closed' }),
      (error) => {
        this.#handle({ type: 'failed', error });
        return { type: 'closed' };
      },
    );
  }

  /** Turns the outcome of work into the event that it is. */
  #settle<T>(
    work: () => Promise<T>,
    fulfilled: (value: T) => LifeEvent,
    rejected: (error: StationError) => LifeEvent,
  ): void {
    (async () => work())().then(
      (value) => this.#handle(fulfilled(value)),
      (error: unknown) => this.#handle(rejected(toStationError(error))),
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function warnOfPid1(log: Log): void {
  log.warn('running as PID 1: nobody reaps orphaned processes; put an init before this one', {
    docker: '--init',
    compose: 'init: true',
    ecs: 'initProcessEnabled',
    kubernetes: 'shareProcessNamespace: true',
  });
}
