import type { FileHandle } from 'node:fs/promises';
import { pageChecksum } from '../ltx/checksum.ts';
import { lockPageNumber, type Page } from '../page.ts';
import { CHECKSUM_HEADER_SIZE } from './checksum-file.ts';
import { writeError } from './write-error.ts';

const BATCH_SIZE = 1024 * 1024;

interface Run {
  readonly firstPage: number;
  /** Index in the batch of the run's first page. */
  readonly start: number;
  pages: number;
}

interface Batch {
  readonly data: Buffer;
  readonly checksums: BigUint64Array;
  /** Where in the batch each of its pages is: a newer image takes the older one's place. */
  readonly places: Map<number, number>;
  pages: number;
  runs: Run[];
  writing: Promise<void> | undefined;
}

/**
 * Writes pages in place into the database file, and their checksums into the checksum file beside it. Neighbours are
 * written together, up to 1 MiB at a time, and one batch is on its way to the disk while the next is filled: never two,
 * so that of a page that is in both the later image stays. Pages past the final size, and the lock page, are dropped.
 */
export class PageWriter {
  /** One bit a page: which have been written. 32 KiB for a database of 1 GiB. */
  readonly #written: Uint8Array;
  readonly #lockPage: number;
  readonly #batches: [Batch, Batch];
  readonly #database: FileHandle;
  readonly #checksums: FileHandle | undefined;
  readonly #pageSize: number;
  readonly #commit: number;

  constructor(database: FileHandle, checksums: FileHandle | undefined, pageSize: number, commit: number) {
    this.#database = database;
    this.#checksums = checksums;
    this.#pageSize = pageSize;
    this.#commit = commit;
    this.#lockPage = lockPageNumber(pageSize);
    this.#written = new Uint8Array((commit >>> 3) + 1);
    this.#batches = [emptyBatch(pageSize), emptyBatch(pageSize)];
  }

  /** Takes pages; their bytes are copied. Of one page number, the last stays. Awaits only when a batch is full. */
  async add(pages: readonly Page[]): Promise<void> {
    for (const page of pages) {
      if (page.number > this.#commit || page.number === this.#lockPage) continue;
      const [batch] = this.#batches;
      append(batch, page, this.#pageSize, this.#checksums !== undefined);
      this.#written[page.number >>> 3] = (this.#written[page.number >>> 3] ?? 0) | (1 << (page.number & 7));
      if ((batch.pages + 1) * this.#pageSize > batch.data.byteLength) await this.#swap();
    }
  }

  /** Waits until all that was added is written. */
  async flush(): Promise<void> {
    await this.#swap();
    await this.#batches[1].writing;
  }

  /** Gives its memory back; nothing can be added any more. After `flush`, or when what was written is of no use. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#batches.map((batch) => batch.writing));
    for (const { data } of this.#batches) if (data.buffer instanceof ArrayBuffer) data.buffer.transfer(0);
  }

  /** The first page of the database that no file held; undefined where there is none. */
  firstMissing(): number | undefined {
    for (let number = 1; number <= this.#commit; number += 1) {
      const isWritten = ((this.#written[number >>> 3] ?? 0) >>> (number & 7)) & 1;
      if (isWritten === 0 && number !== this.#lockPage) return number;
    }
    return undefined;
  }

  /** Sends the filling batch on its way, and waits for the other to be free. */
  async #swap(): Promise<void> {
    const [full, free] = this.#batches;
    await free.writing;
    full.writing = this.#write(full);
    // Awaited by whoever needs this batch next; until then a failure must not count as unhandled.
    full.writing.catch(() => undefined);
    free.writing = undefined;
    free.pages = 0;
    free.runs = [];
    free.places.clear();
    this.#batches.reverse();
  }

  async #write(batch: Batch): Promise<void> {
    const size = this.#pageSize;
    const checksums = Buffer.from(batch.checksums.buffer);
    try {
      await Promise.all(
        batch.runs.flatMap(({ firstPage, start, pages }) => {
          const data = batch.data.subarray(start * size, (start + pages) * size);
          const writes = [writeAll(this.#database, data, (firstPage - 1) * size)];
          if (this.#checksums === undefined) return writes;
          const part = checksums.subarray(start * 8, (start + pages) * 8);
          return [...writes, writeAll(this.#checksums, part, CHECKSUM_HEADER_SIZE + (firstPage - 1) * 8)];
        }),
      );
    } catch (cause) {
      throw writeError('the database could not be written', cause);
    }
  }
}

function emptyBatch(pageSize: number): Batch {
  const pages = BATCH_SIZE / pageSize;
  return {
    data: Buffer.allocUnsafeSlow(BATCH_SIZE),
    checksums: new BigUint64Array(pages),
    places: new Map(),
    pages: 0,
    runs: [],
    writing: undefined,
  };
}

function append(batch: Batch, page: Page, pageSize: number, withChecksum: boolean): void {
  const known = batch.places.get(page.number);
  const place = known ?? batch.pages;
  batch.data.set(page.data, place * pageSize);
  if (withChecksum) batch.checksums[place] = pageChecksum(page.number, page.data);
  if (known !== undefined) return;
  batch.places.set(page.number, place);
  const run = batch.runs.at(-1);
  if (run !== undefined && run.firstPage + run.pages === page.number) run.pages += 1;
  else batch.runs.push({ firstPage: page.number, start: batch.pages, pages: 1 });
  batch.pages += 1;
}

async function writeAll(file: FileHandle, data: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < data.byteLength) {
    written += (await file.write(data, written, data.byteLength - written, position + written)).bytesWritten;
  }
}
