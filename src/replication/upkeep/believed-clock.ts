import { type Milliseconds, milliseconds } from '../../quantities.ts';

/** Two clocks of one machine do not part by more than this while nobody sets one of them. */
const JUMP = 3_600_000;
/** A jump that lasts this long is the truth: a machine that slept, a clock that was put right. */
const BELIEVED_AFTER = 24 * 3_600_000;

/**
 * The wall clock, as far as what is deleted by it cannot be had back. One that jumps forward (a glitch of the time server,
 * a slip of the hand) would make everything look old at once; so it is believed after a day. One that is set back only
 * keeps things for longer, and is believed at once.
 */
export class BelievedClock {
  readonly #wall: () => Milliseconds;
  readonly #monotonic: () => Milliseconds;
  /** What the two said when the wall clock was last believed. */
  #last: { readonly wall: number; readonly monotonic: number };
  #jumpedAt: number | undefined;

  constructor(wall: () => Milliseconds, monotonic: () => Milliseconds) {
    this.#wall = wall;
    this.#monotonic = monotonic;
    this.#last = { wall: wall(), monotonic: monotonic() };
  }

  now(): Milliseconds {
    const [wall, monotonic] = [this.#wall(), this.#monotonic()];
    const expected = this.#last.wall + (monotonic - this.#last.monotonic);
    if (wall > expected + JUMP) {
      this.#jumpedAt ??= monotonic;
      if (monotonic - this.#jumpedAt < BELIEVED_AFTER) return milliseconds(expected);
    }
    this.#jumpedAt = undefined;
    this.#last = { wall, monotonic };
    return wall;
  }
}
