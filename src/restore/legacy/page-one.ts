/** Where the change counter is in the first page of a database. Source: sqlite.org/fileformat2.html §1.3.7. */
const COUNTER = 24;

/**
 * SQLite counts the changes of the first page in it, by one at most each time that page goes into the WAL. So the counter
 * tells whether a snapshot is as old as its name says, where the WAL holds that page.
 */
export class PageOneCounters {
  /** Of the first and the last committed image; undefined: none. */
  first: number | undefined;
  last: number | undefined;
  #open: number | undefined;

  /** Takes frames as they come. */
  frame(page: number, commit: number, image: Uint8Array): void {
    if (page === 1) this.#open = counterOf(image);
    if (commit === 0 || this.#open === undefined) return;
    this.first ??= this.#open;
    this.last = this.#open;
    this.#open = undefined;
  }
}

/** @param page at least the first 100 bytes of a database */
export function counterOf(page: Uint8Array): number {
  return Buffer.from(page.buffer, page.byteOffset, page.byteLength).readUInt32BE(COUNTER);
}

/** How much later, in changes; below 0: earlier. The counter wraps around. */
export function changesSince(counter: number, since: number): number {
  return (counter - since) | 0;
}
