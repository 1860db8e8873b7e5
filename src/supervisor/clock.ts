import { type Milliseconds, milliseconds } from '../quantities.ts';

/** The monotonic clock: it never jumps, so deadlines are kept by it; its zero means nothing outside this process. */
export type MonotonicClock = () => Milliseconds;

export const monotonicClock: MonotonicClock = () => milliseconds(performance.now());
