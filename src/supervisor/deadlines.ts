import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { StopBudget } from './budget.ts';

/** Moments of the monotonic clock, counted from the beginning of the stop. */
export interface StopDeadlines {
  /** SIGKILL for what is left of the child's group. */
  readonly kill: Milliseconds;
  /** Going on although even that did not help. */
  readonly giveUp: Milliseconds;
  /** What replication is told. */
  readonly drain: Milliseconds;
  /** When it is no longer waited for: a little later, so that the report of what is missing still arrives. */
  readonly drainOverdue: Milliseconds;
  readonly close: Milliseconds;
}

const longestKillWait = 1_000;
/** What a drain may take when no platform is waiting to kill: the child ended by itself. */
const unhurriedDrain = 60_000;

/**
 * `asked`: a stop signal came, and with the end of the budget comes SIGKILL. `by-itself`: the child ended, or failed to
 * start; nobody is counting, so the drain gets a minute, until a stop signal comes after all.
 */
export type StopCause = 'asked' | 'by-itself';

export function stopDeadlines(began: Milliseconds, budget: StopBudget, cause: StopCause): StopDeadlines {
  const extra = cause === 'asked' ? 0 : Math.max(0, unhurriedDrain - budget.drain);
  const at = (offset: number) => milliseconds(began + offset);
  const killWait = Math.min(longestKillWait, budget.drain / 4);
  return {
    kill: at(budget.application),
    giveUp: at(budget.application + killWait),
    drain: at(budget.total - budget.margin + extra),
    drainOverdue: at(budget.total - (budget.margin * 3) / 4 + extra),
    // Releasing a lease at a store that answers nothing takes all the time it is given: half the margin is the exit's.
    close: at(budget.total - budget.margin / 2 + extra),
  };
}
