import { StationError } from '../errors.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { RunEnd } from './exit-status.ts';

/** Whether a child that failed is started again within this life; the platform may start the whole container anyway. */
export type RestartPolicy =
  | { readonly kind: 'never' }
  /** `most`: how often in the whole life, as Docker counts them. */
  | { readonly kind: 'on-failure'; readonly most: number };

export const neverRestart: RestartPolicy = { kind: 'never' };

/** `never`, `on-failure`, `on-failure:5`. Throws USAGE for anything else. */
export function parseRestartPolicy(text: string): RestartPolicy {
  const [policy, most] = /^(never|on-failure)$|^on-failure:([1-9]\d{0,5})$/.exec(text)?.slice(1) ?? [];
  if (policy === 'never') return neverRestart;
  if (policy === 'on-failure') return { kind: 'on-failure', most: Number.POSITIVE_INFINITY };
  if (most !== undefined) return { kind: 'on-failure', most: Number(most) };
  throw new StationError('USAGE', `"${text}" is not never, on-failure or on-failure:N`, {
    hint: 'N is how often the command is started again at most, for example on-failure:5',
  });
}

/** Whether this end is one to start again after. A command that cannot be executed will not be executable next time. */
export function isFailure(end: RunEnd | undefined): boolean {
  switch (end?.kind) {
    case 'exited':
      return end.code !== 0;
    case 'signalled':
      return true;
    case 'not-started':
      return end.error.code === 'COMMAND_NOT_READY';
    default:
      return false;
  }
}

/** A child that ran this long has not failed at once, so the next pause is short again: Docker's rule. */
export const longEnough = milliseconds(10_000);

const firstDelay = 1_000;
const longestDelay = 60_000;

/** The pause before the next start after so many failures in a row: one second, then twice as long each time, to a minute. */
export function restartDelay(failuresInARow: number): Milliseconds {
  return milliseconds(Math.min(longestDelay, firstDelay * 2 ** Math.min(10, Math.max(0, failuresInARow - 1))));
}
