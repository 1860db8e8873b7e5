/**
 * Page number → slot, in two typed arrays (open addressing): a Map would take a hundred megabytes for a million pages.
 */
export class PageIndex {
  #keys = new Uint32Array(64);
  #slots = new Uint32Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(page: number): number | undefined {
    const at = this.#locate(page);
    return this.#keys[at] === page ? this.#slots[at] : undefined;
  }

  set(page: number, slot: number): void {
    const at = this.#locate(page);
    this.#slots[at] = slot;
    if (this.#keys[at] === page) return;
    this.#keys[at] = page;
    this.#size += 1;
    if (this.#size * 2 > this.#keys.length) this.#grow();
  }

  /** Every page number from 1 to `last`, ascending. */
  pages(last: number): Uint32Array {
    const found = this.#keys.filter((page) => page !== 0 && page <= last);
    return found.sort();
  }

  #locate(page: number): number {
    const mask = this.#keys.length - 1;
    let at = (Math.imul(page, 0x9e3779b1) >>> 7) & mask;
    while (this.#keys[at] !== 0 && this.#keys[at] !== page) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const keys = this.#keys;
    const slots = this.#slots;
    this.#keys = new Uint32Array(keys.length * 2);
    this.#slots = new Uint32Array(keys.length * 2);
    for (let index = 0; index < keys.length; index += 1) {
      const page = keys[index] as number;
      if (page === 0) continue;
      const at = this.#locate(page);
      this.#keys[at] = page;
      this.#slots[at] = slots[index] as number;
    }
  }
}
