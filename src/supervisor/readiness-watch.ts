import { setTimeout as sleep } from 'node:timers/promises';
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
  void watch.run();
  return () => watch.stop();
}

class ReadinessWatch {
  readonly #options: ReadinessWatchOptions;
  readonly #stopped = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  #state: 'starting' | 'up' | 'failing' | 'down' = 'starting';
  #failures = 0;
  #reason = 'it has not been asked yet';

  constructor(options: ReadinessWatchOptions) {
    this.#options = options;
    const { startupTimeout, began, now } = options;
    if (startupTimeout === undefined) return;
    this.#timer = setTimeout(() => this.#giveUp(startupTimeout), Math.max(0, began + startupTimeout - now()));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stopped.abort();
  }

  async run(): Promise<void> {
    const stopped = this.#stopped.signal;
    for (let interval = firstInterval; ; interval = Math.min(longestInterval, interval * 1.5)) {
      const timeUp = AbortSignal.timeout(patience);
      const reason = await this.#options.ask(AbortSignal.any([stopped, timeUp]));
      if (stopped.aborted) return;
      if (reason === undefined) this.#answered();
      else this.#refused(timeUp.aborted ? `no answer within ${patience / 1000}s` : reason);
      const pause = this.#state === 'up' ? upInterval : interval;
      // Rejects when it is aborted, which the loop sees.
      await sleep(pause, undefined, { signal: stopped }).catch(() => {});
      if (stopped.aborted) return;
    }
  }

  #answered(): void {
    clearTimeout(this.#timer);
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
