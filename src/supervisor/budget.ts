import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { Platform } from './platform.ts';

/** How the time between the stop signal and the platform's SIGKILL is spent. */
export interface StopBudget {
  readonly total: Milliseconds;
  /** For the child and what it started, then SIGKILL. What it does not use goes to the drain. */
  readonly application: Milliseconds;
  readonly drain: Milliseconds;
  /** Never planned for: closing, the exit itself, and a machine that is slow just then. */
  readonly margin: Milliseconds;
  readonly platform: string;
  /** What an operator must know of the way the platform stops. */
  readonly warning: string | undefined;
}

const largestMargin = 2_000;

/**
 * Half for the application, a tenth as margin (two seconds at most), the rest for the drain:
 * ContainerPilot's five of Docker's ten seconds is the precedent.
 */
export function planStopBudget(platform: Platform, stopTimeout: Milliseconds | undefined): StopBudget {
  const total = stopTimeout ?? platform.stopTimeout;
  const application = Math.floor(total / 2);
  const margin = Math.min(largestMargin, Math.floor(total / 10));
  return {
    total,
    application: milliseconds(application),
    drain: milliseconds(total - application - margin),
    margin: milliseconds(margin),
    platform: platform.name,
    warning: platform.warning,
  };
}

/** `budget 10s: application 5s, drain 4s, margin 1s`, for the line at the start. */
export function describeStopBudget({ total, application, drain, margin }: StopBudget): string {
  return `budget ${seconds(total)}: application ${seconds(application)}, drain ${seconds(drain)}, margin ${seconds(margin)}`;
}

function seconds(duration: Milliseconds): string {
  return `${Math.round(duration / 10) / 100}s`;
}
