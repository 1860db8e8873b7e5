import type { StopBudget } from './budget.ts';
import type { MonotonicClock } from './clock.ts';
import { type StopCause, type StopDeadlines, stopDeadlines } from './deadlines.ts';
import type { LifeEvent } from './life.ts';

/** The time of one stop: its deadlines become events. */
export class StopClock {
  readonly #now: MonotonicClock;
  readonly #budget: StopBudget;
  readonly #tell: (event: LifeEvent) => void;
  #drainTimeUp = new AbortController();
  #timers: NodeJS.Timeout[] = [];
  #deadlines: StopDeadlines | undefined;

  constructor(now: MonotonicClock, budget: StopBudget, tell: (event: LifeEvent) => void) {
    this.#now = now;
    this.#budget = budget;
    this.#tell = tell;
  }

  /** Aborts when the drain has had its time. */
  get drainTimeUp(): AbortSignal {
    return this.#drainTimeUp.signal;
  }

  /** From now on the time runs; only the first call counts. */
  begin(cause: StopCause): StopDeadlines {
    if (this.#deadlines !== undefined) return this.#deadlines;
    const deadlines = stopDeadlines(this.#now(), this.#budget, cause);
    this.#deadlines = deadlines;
    this.#at(deadlines.kill, { type: 'application-deadline' });
    this.#at(deadlines.giveUp, { type: 'kill-deadline' });
    this.#endDrainBy(deadlines);
    return deadlines;
  }

  /** The stop that was asked for has its own budget from now on; the time that was left is only ever shortened. */
  hurry(): void {
    const asked = stopDeadlines(this.#now(), this.#budget, 'asked');
    if (this.#deadlines !== undefined && this.#deadlines.drain <= asked.drain) return;
    this.#deadlines = {
      ...asked,
      ...(this.#deadlines && { kill: this.#deadlines.kill, giveUp: this.#deadlines.giveUp }),
    };
    this.#endDrainBy(asked);
  }

  /** The close has a quarter of the margin at least, however late it begins. */
  beginClose(cause: StopCause): void {
    const soonest = this.#now() + this.#budget.margin / 4;
    const planned = cause === 'asked' ? this.#deadlines?.close : undefined;
    this.#at(Math.max(soonest, planned ?? this.#now() + this.#budget.drain), { type: 'close-deadline' });
  }

  /** That stop is over; the next one has all its time. */
  reset(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    this.#deadlines = undefined;
    // A process that was suspended meanwhile may have run past deadlines that no longer mean anything.
    this.#drainTimeUp = new AbortController();
  }

  #endDrainBy({ drain, drainOverdue }: StopDeadlines): void {
    const timeUp = this.#drainTimeUp;
    this.#timers.push(setTimeout(() => timeUp.abort(), this.#until(drain)));
    this.#at(drainOverdue, { type: 'drain-deadline' });
  }

  #at(moment: number, event: LifeEvent): void {
    this.#timers.push(setTimeout(() => this.#tell(event), this.#until(moment)));
  }

  #until(moment: number): number {
    return Math.max(0, moment - this.#now());
  }
}
