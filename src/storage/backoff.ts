import { type Milliseconds, milliseconds } from '../quantities.ts';

export interface BackoffLimits {
  readonly first: Milliseconds;
  readonly most: Milliseconds;
}

/** While the program runs: a store that is down is asked less and less often, and never given up. */
export const steadyBackoff: BackoffLimits = { first: milliseconds(1_000), most: milliseconds(60_000) };
/** During the drain every second counts, and the budget ends it anyway. */
export const drainBackoff: BackoffLimits = { first: milliseconds(100), most: milliseconds(1_000) };

/**
 * How long to wait after `failures` failures in a row (1 = the first): exponential, with full jitter over the upper
 * half, so that instances which failed together do not return together.
 * @param random in [0, 1)
 */
export function backoffDelay(failures: number, limits: BackoffLimits, random: number): Milliseconds {
  const ceiling = Math.min(limits.most, limits.first * 2 ** Math.min(failures - 1, 30));
  return milliseconds(Math.round(ceiling / 2 + (ceiling / 2) * random));
}
