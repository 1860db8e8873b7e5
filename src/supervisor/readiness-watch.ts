import { StationError } from '../errors.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { AskReadiness } from './ask-readiness.ts';
import type { MonotonicClock } from './clock.ts';
import type { LifeEvent } from './life.ts';

export interface ReadinessWatchOptions {
  readonly ask: AskReadiness;
  /** When the child was started. */
  readonly began: Milliseconds;
  /** How long it may take until the child is up for the first time; undefined: as long as it likes. */
  readonly startupTimeout: Milliseconds | undefined;
  readonly now: MonotonicClock;
  readonly tell: (event: LifeEvent) => void;
}

const firstInterval = 100;
/** While it is not up; also the kubelet's shortest. */
const longestInterval = 1_000;
/** Once it is up: a sleeping process is not to be woken for nothing. */
const upInterval = 10_000;
/** One answer. */
const patience = 5_000;
/** So many in a row before a child that was up counts as not ready: the kubelet's rule. */
const failuresToTell = 3;

/** Asks the child, from its start, whether it is up, and tells of each change. Returns what ends the asking. */
export function watchReadiness(options: ReadinessWatchOptions): () => void {
  const watch = new ReadinessWatch(options);
  void watch.askAndGoOn();
  return () => watch.stop();
}

class ReadinessWatch {
  readonly #options: ReadinessWatchOptions;
  readonly #stopped = new AbortController();
  readonly #startupTimer: NodeJS.Timeout | undefined;
  #nextTimer: NodeJS.Timeout | undefined;
  #interval = firstInterval;
  #state: 'starting' | 'up' | 'failing' | 'down' = 'starting';
  #failures = 0;
  #reason = 'it has not been asked yet';

  constructor(options: ReadinessWatchOptions) {
    this.#options = options;
    const { startupTimeout, began, now } = options;
    if (startupTimeout === undefined) return;
    this.#startupTimer = setTimeout(() => this.#giveUp(startupTimeout), Math.max(0, began + startupTimeout - now()));
  }

  stop(): void {
    clearTimeout(this.#startupTimer);
    clearTimeout(this.#nextTimer);
    this.#stopped.abort();
  }

  async askAndGoOn(): Promise<void> {
    const stopped = this.#stopped.signal;
    const timeUp = AbortSignal.timeout(patience);
    const reason = await this.#options.ask(AbortSignal.any([stopped, timeUp]));
    if (stopped.aborted) return;
    if (reason === undefined) this.#answered();
    else this.#refused(timeUp.aborted ? `no answer within ${patience / 1000}s` : reason);
    // Whoever was told may have stopped it.
    if (!stopped.aborted) this.#nextTimer = setTimeout(() => void this.askAndGoOn(), this.#pause());
  }

  #pause(): number {
    if (this.#state === 'up') return upInterval;
    const pause = this.#interval;
    this.#interval = Math.min(longestInterval, pause * 1.5);
    return pause;
  }

  #answered(): void {
    clearTimeout(this.#startupTimer);
    this.#failures = 0;
    const before = this.#state;
    this.#state = 'up';
    if (before === 'up' || before === 'failing') return;
    const took = milliseconds(this.#options.now() - this.#options.began);
    this.#options.tell({ type: 'child-ready', took, again: before === 'down' });
  }

  #refused(reason: string): void {
    this.#reason = reason;
    this.#failures += 1;
    if (this.#state === 'up') this.#state = 'failing';
    if (this.#state !== 'failing' || this.#failures < failuresToTell) return;
    this.#state = 'down';
    this.#options.tell({ type: 'child-unready', reason });
  }

  #giveUp(after: Milliseconds): void {
    const message = `the command was not ready within ${after / 1000}s: ${this.#reason}`;
    this.#options.tell({ type: 'startup-timeout', error: new StationError('COMMAND_NOT_READY', message) });
  }
}
