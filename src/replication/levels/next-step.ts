import { type Milliseconds, milliseconds } from '../../quantities.ts';

/** When something is to be done. */
export type NextStep<T> =
  | { readonly kind: 'due'; readonly step: T }
  | { readonly kind: 'later'; readonly at: Milliseconds }
  /** Not before something changes. */
  | { readonly kind: 'none' };

/** The first of two that is due, else the one that is sooner. */
export function soonest<T>(one: NextStep<T>, other: NextStep<T>): NextStep<T> {
  if (one.kind === 'due' || other.kind === 'none') return one;
  if (other.kind === 'due' || one.kind === 'none') return other;
  return one.at <= other.at ? one : other;
}

/** The first multiple of `interval` on the wall clock that is later than `time`. */
export function boundaryAfter(time: Milliseconds, interval: Milliseconds): Milliseconds {
  return milliseconds((Math.floor(time / interval) + 1) * interval);
}
