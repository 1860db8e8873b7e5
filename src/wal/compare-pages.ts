import { pageChecksum } from '../ltx/checksum.ts';
import type { PageChecksumSource } from './follower.ts';
import type { PageRun, SnapshotReader } from './snapshot.ts';

/** A set of page numbers, one bit each, read as runs of neighbours. */
export class PageSet {
  readonly #bits: Uint8Array;
  readonly #last: number;
  #size = 0;

  constructor(last: number) {
    this.#last = last;
    this.#bits = new Uint8Array((last >>> 3) + 1);
  }

  get size(): number {
    return this.#size;
  }

  add(page: number): void {
    if (this.has(page)) return;
    this.#bits[page >>> 3] = (this.#bits[page >>> 3] ?? 0) | (1 << (page & 7));
    this.#size += 1;
  }

  has(page: number): boolean {
    return ((this.#bits[page >>> 3] ?? 0) & (1 << (page & 7))) !== 0;
  }

  *runs(): Generator<PageRun> {
    for (let page = 1; page <= this.#last; page += 1) {
      if (!this.has(page)) continue;
      const first = page;
      while (page < this.#last && this.has(page + 1)) page += 1;
      yield { first, count: page - first + 1 };
    }
  }
}

/** The pages of a snapshot that an earlier state did not have, or had with another checksum. Reads the whole database. */
export async function differingPages(reader: SnapshotReader, known: PageChecksumSource): Promise<PageSet> {
  const differing = new PageSet(reader.commit);
  for await (const batch of reader.pages()) {
    const first = batch[0]?.number ?? 1;
    const comparable = Math.max(0, Math.min(batch.length, known.commit - first + 1));
    const checksums = comparable === 0 ? undefined : await known.read(first, comparable);
    for (const page of batch) {
      if (checksums?.[page.number - first] !== pageChecksum(page.number, page.data)) differing.add(page.number);
    }
  }
  return differing;
}
