const SLAB_SIZE = 64 * 1024;
/** How much is kept for the next batch. */
const KEPT = 1024 * 1024;

/** Memory for the pages of one batch, used again for the next. */
export class PagePool {
  readonly #pageSize: number;
  readonly #pages: Uint8Array[] = [];
  #used = 0;

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
  }

  /** Memory for one page, with whatever was in it. */
  take(): Uint8Array {
    const page = this.#pages[this.#used] ?? this.#grow();
    this.#used += 1;
    return page;
  }

  /**
   * Ends a batch: its pages may be overwritten from here on, but for `unfinished`, the one taken last, if it is given.
   * An unusually large batch is not held on to.
   */
  reset(unfinished: Uint8Array | undefined): void {
    if (unfinished === undefined) {
      this.#used = 0;
    } else {
      this.#pages[this.#used - 1] = this.#pages[0] as Uint8Array;
      this.#pages[0] = unfinished;
      this.#used = 1;
    }
    const kept = KEPT / this.#pageSize;
    if (this.#pages.length > kept) this.#pages.length = kept;
  }

  #grow(): Uint8Array {
    // A file of few pages should cost little: slabs double until they are full size.
    const count = Math.max(1, Math.min(this.#pages.length, SLAB_SIZE / this.#pageSize));
    const slab = new Uint8Array(count * this.#pageSize);
    for (let start = 0; start < slab.length; start += this.#pageSize) {
      this.#pages.push(slab.subarray(start, start + this.#pageSize));
    }
    return this.#pages[this.#used] as Uint8Array;
  }
}
