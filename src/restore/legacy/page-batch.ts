/** Some pages in memory, of each the newest image. */
export class PageBatch {
  readonly #pageSize: number;
  readonly #data: Buffer;
  readonly #slots = new Map<number, number>();

  constructor(pageSize: number, size: number) {
    this.#pageSize = pageSize;
    this.#data = Buffer.allocUnsafeSlow(Math.max(size, pageSize));
  }

  /** Copies a page in; false where there is no room for another. */
  put(page: number, data: Uint8Array): boolean {
    const known = this.#slots.get(page);
    const slot = known ?? this.#slots.size;
    if ((slot + 1) * this.#pageSize > this.#data.byteLength) return false;
    if (known === undefined) this.#slots.set(page, slot);
    this.#data.set(data, slot * this.#pageSize);
    return true;
  }

  *pages(): Generator<readonly [page: number, data: Buffer]> {
    for (const [page, slot] of this.#slots) {
      yield [page, this.#data.subarray(slot * this.#pageSize, (slot + 1) * this.#pageSize)];
    }
  }

  clear(): void {
    this.#slots.clear();
  }
}
