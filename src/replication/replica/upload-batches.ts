import { type Milliseconds, milliseconds, type Txid, txid } from '../../quantities.ts';

/** When files go to a replica with a longer interval than the capture's: it collects them, and gets them together. */
export class UploadBatches {
  readonly #interval: Milliseconds;
  #lastStart: Milliseconds | undefined;
  /** Files up to here belong to the batch under way, and go without a pause. */
  #end = txid(0);

  /** @param interval least time between two batches; 0: every file goes at once */
  constructor(interval: Milliseconds) {
    this.#interval = interval;
  }

  /**
   * How long the file after `position` is to wait; undefined: not at all. That begins a batch of all that is staged.
   * @param staged the last TXID staged
   */
  pauseAfter(position: Txid, staged: Txid, now: Milliseconds): Milliseconds | undefined {
    if (this.#interval === 0 || position < this.#end) return undefined;
    const wait = this.#lastStart === undefined ? 0 : this.#lastStart + this.#interval - now;
    if (wait > 0) return milliseconds(wait);
    this.#lastStart = now;
    this.#end = staged;
    return undefined;
  }

  /** Somebody waits for this TXID: files up to it go without a pause. */
  extendTo(target: Txid): void {
    this.#end = txid(Math.max(this.#end, target));
  }
}
