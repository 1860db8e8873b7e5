import { type Milliseconds, milliseconds } from '../../quantities.ts';

/** However long a store has told the truth about what it deletes, it is looked after once in this time. */
const LONGEST = 24 * 3_600_000;

/**
 * How long to wait after a look that found everything gone: twice as long as before it. Each look is a listing, and most
 * stores do what they say.
 * @param interval the least wait, which is the one after a look that found something left
 */
export function longerWait(wait: Milliseconds, interval: Milliseconds): Milliseconds {
  return milliseconds(Math.max(interval, Math.min(2 * wait, LONGEST)));
}
