import type { Bytes, Milliseconds } from '../quantities.ts';

/** How far a transfer was at one moment of a clock that never goes back. */
export interface TransferSample {
  readonly at: Milliseconds;
  readonly done: Bytes;
}

/** How far a transfer is, how fast, and how long it still takes. */
export interface TransferState {
  readonly done: Bytes;
  readonly total: Bytes;
  /** Bytes a second; undefined while too little is known. */
  readonly rate: number | undefined;
  readonly left: Milliseconds | undefined;
}

/** The rate is that of so many milliseconds: short enough to tell when a line has become slow. */
const WINDOW = 10_000;
/** Samples that are closer together tell nothing new. */
const GRAIN = 100;
/** No rate before that: the first bytes come out of buffers. */
const LEAST = 500;

/** Adds a sample, and lets go of what is too old to count. A transfer that begins anew begins with no rate. */
export function withSample(samples: readonly TransferSample[], next: TransferSample): readonly TransferSample[] {
  const last = samples.at(-1);
  if (last === undefined || next.done < last.done) return [next];
  if (next.at - last.at < GRAIN && samples.length > 1) return [...samples.slice(0, -1), { ...next, at: last.at }];
  const inWindow = samples.findIndex(({ at }) => at >= next.at - WINDOW);
  // The last one before the window stays: its end is where the window begins.
  const from = inWindow === -1 ? samples.length - 1 : Math.max(0, inWindow - 1);
  return [...samples.slice(from), next];
}

/** What the samples come to at a moment, so that a transfer that stands still is seen to. */
export function transferState(samples: readonly TransferSample[], total: Bytes, now: Milliseconds): TransferState {
  const [first, last] = [samples[0], samples.at(-1)];
  const done = last?.done ?? (0 as Bytes);
  const unknown = { done, total, rate: undefined, left: undefined };
  if (first === undefined || last === undefined) return unknown;
  const span = now - first.at;
  if (span < LEAST) return unknown;
  const rate = ((last.done - first.done) / span) * 1000;
  if (rate <= 0) return { ...unknown, rate: 0 };
  return { done, total, rate, left: Math.ceil(((total - done) / rate) * 1000) as Milliseconds };
}
