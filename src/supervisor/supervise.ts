import { StationError, toStationError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { milliseconds } from '../quantities.ts';
import { describeStopBudget, type StopBudget } from './budget.ts';
import { startChild } from './child.ts';
import { type MonotonicClock, monotonicClock } from './clock.ts';
import { type StopCause, type StopDeadlines, stopDeadlines } from './deadlines.ts';
import type { Environment } from './environment.ts';
import { exitStatus } from './exit-status.ts';
import { beginLife, type Life, type LifeAction, type LifeEvent, step } from './lifecycle.ts';
import { narrate, narrateDrain } from './narrate.ts';
import { type ProcessGroup, processGroup } from './process-group.ts';
import type { Replication } from './replication-port.ts';
import { receiveSignals } from './signals.ts';
import { waitForGroupGone } from './wait-for-group.ts';

export interface SuperviseOptions {
  /** The child's command and arguments. Empty: replicate without a child until a stop signal. */
  readonly command: readonly string[];
  /** The child's environment, passed on as it is. */
  readonly environment: Environment;
  readonly budget: StopBudget;
  readonly replication: Replication;
  readonly log: Log;
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
    releaseSignals();
  }
}

const longestInterval = 2 ** 31 - 1;

class Supervision {
  readonly #options: SuperviseOptions;
  readonly #now: MonotonicClock;
  readonly #abort = new AbortController();
  readonly #drainTimeUp = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #done = Promise.withResolvers<Life>();
  #life: Life;
  #group: ProcessGroup | undefined;
  #deadlines: StopDeadlines | undefined;

  constructor(options: SuperviseOptions) {
    this.#options = options;
    this.#now = options.now ?? monotonicClock;
    this.#life = beginLife(options.command.length > 0);
  }

  readonly onSignal = (signal: NodeJS.Signals): void => this.#handle({ type: 'signal', signal });

  readonly onUncaught = (error: unknown): void => {
    this.#handle({ type: 'failed', error: new StationError('INTERNAL', messageOf(error), { cause: error }) });
  };

  async live(): Promise<number> {
    const { log, budget, replication } = this.#options;
    log.info(describeStopBudget(budget), { platform: budget.platform });
    if (process.pid === 1) warnOfPid1(log);
    replication.failed.then((error) => this.#handle({ type: 'failed', error }), this.onUncaught);
    this.#settle(
      () => replication.prepare(this.#abort.signal),
      () => ({ type: 'prepared' }),
      (error) => ({ type: 'prepare-failed', error }),
    );
    // Without a child, nothing else may be holding Node's event loop.
    const holdEventLoop = setInterval(() => {}, longestInterval);
    const life = await this.#done.promise;
    clearInterval(holdEventLoop);
    for (const timer of this.#timers) clearTimeout(timer);
    if (life.end === undefined) throw new StationError('INTERNAL', 'the supervision ended without an end');
    return exitStatus({ end: life.end, drain: life.drain, failure: life.failure });
  }

  #handle(event: LifeEvent): void {
    if (this.#life.phase === 'done') return;
    // An aborted restore fails, of course.
    if (event.type !== 'prepare-failed' || !this.#abort.signal.aborted) narrate(this.#options.log, event);
    const { life, actions } = step(this.#life, event);
    this.#life = life;
    for (const action of actions) this.#perform(action);
    if (life.phase === 'done') this.#done.resolve(life);
  }

  #perform(action: LifeAction): void {
    switch (action.do) {
      case 'abort-prepare':
        this.#abort.abort();
        break;
      case 'start-child':
        void this.#startChild();
        break;
      case 'begin-stop':
        this.#beginStop();
        break;
      case 'hurry':
        this.#hurry();
        break;
      case 'sync-soon':
        this.#options.replication.syncSoon();
        break;
      case 'forward':
        this.#group?.signal(action.signal);
        break;
      case 'kill-group':
        this.#killGroup();
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

  async #startChild(): Promise<void> {
    const { command, environment, log } = this.#options;
    try {
      const child = await startChild(command, environment);
      this.#group = processGroup(child.pid);
      log.info('command started', { command: command[0], pid: child.pid });
      this.#handle({ type: 'child-started' });
      this.#handle({ type: 'child-ended', end: await child.ended });
    } catch (error) {
      this.#handle({ type: 'child-failed', error: toStationError(error) });
    }
  }

  get #cause(): StopCause {
    const { stop, failure } = this.#life;
    return stop === undefined && failure === undefined ? 'by-itself' : 'asked';
  }

  #beginStop(): StopDeadlines {
    if (this.#deadlines !== undefined) return this.#deadlines;
    const deadlines = stopDeadlines(this.#now(), this.#options.budget, this.#cause);
    this.#deadlines = deadlines;
    this.#timeout(deadlines.kill, { type: 'application-deadline' });
    this.#timeout(deadlines.giveUp, { type: 'kill-deadline' });
    this.#endDrainBy(deadlines);
    return deadlines;
  }

  /** The stop that was asked for has its own budget from now on; the time that was left is only ever shortened. */
  #hurry(): void {
    const asked = stopDeadlines(this.#now(), this.#options.budget, 'asked');
    if (this.#deadlines !== undefined && this.#deadlines.drain <= asked.drain) return;
    this.#deadlines = {
      ...asked,
      ...(this.#deadlines && { kill: this.#deadlines.kill, giveUp: this.#deadlines.giveUp }),
    };
    this.#endDrainBy(asked);
  }

  #endDrainBy({ drain, drainOverdue }: StopDeadlines): void {
    this.#timers.push(setTimeout(() => this.#drainTimeUp.abort(), Math.max(0, drain - this.#now())));
    this.#timeout(drainOverdue, { type: 'drain-deadline' });
  }

  #timeout(at: number, event: LifeEvent): void {
    this.#timers.push(setTimeout(() => this.#handle(event), Math.max(0, at - this.#now())));
  }

  #killGroup(): void {
    for (const { pid, name } of this.#group?.members() ?? []) {
      this.#options.log.warn('process does not end, killed', { pid, command: name });
    }
    this.#group?.signal('SIGKILL');
  }

  #clearGroup(terminate: boolean): void {
    const { log } = this.#options;
    const { kill: killAt, giveUp: giveUpAt } = this.#beginStop();
    const group = this.#group;
    this.#settle(
      async () => group && waitForGroupGone({ group, terminate, log, now: this.#now, killAt, giveUpAt }),
      () => ({ type: 'group-gone' }),
      (error) => {
        this.#handle({ type: 'failed', error });
        return { type: 'group-gone' };
      },
    );
  }

  #drain(): void {
    const { replication, log } = this.#options;
    const began = this.#now();
    this.#beginStop();
    this.#settle(
      () => replication.drain(this.#drainTimeUp.signal),
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
    const { replication, budget } = this.#options;
    const soonest = this.#now() + budget.margin / 4;
    const planned = this.#cause === 'asked' ? this.#deadlines?.close : undefined;
    this.#timeout(Math.max(soonest, planned ?? this.#now() + budget.drain), { type: 'close-deadline' });
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
