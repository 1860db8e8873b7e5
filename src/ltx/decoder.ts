import { StationError } from '../errors.ts';
import type { Page } from '../page.ts';
import { pageNumber } from '../quantities.ts';
import { addPageChecksum, CHECKSUM_FLAG, Crc64, pageChecksum } from './checksum.ts';
import { decodeHeader, HEADER_SIZE, isSnapshot, type LtxHeader } from './header.ts';
import { InputWindow } from './input-window.ts';
import { PagePool } from './page-pool.ts';
import { PageReader } from './page-reader.ts';
import { type LtxTrailer, TrailerReader } from './trailer-reader.ts';

export type { LtxTrailer } from './trailer-reader.ts';

/** How many bytes of pages `decodeLtx` gives at once. */
const BATCH_SIZE = 1024 * 1024;

interface Reading {
  readonly header: LtxHeader;
  readonly pages: PageReader;
  readonly end: TrailerReader;
  readonly pool: PagePool;
  /** The page that is being read, taken from the pool. */
  page: Uint8Array | undefined;
  /** Rolling checksum of the pages of a snapshot; undefined where the file has none to compare it with. */
  rolling: bigint | undefined;
}

/**
 * Reads LTX files of version 3, of which the bytes come in chunks of any size, and checks everything the format lets
 * be checked: header, page order and completeness, every checksum, the page index against the pages.
 *
 * Memory: one page frame and the pages of one batch, whatever the file claims.
 * Every method throws StationError LTX_INVALID, LTX_TRUNCATED or LTX_CHECKSUM; the decoder is of no use after that.
 */
export class LtxDecoder {
  readonly #input = new InputWindow();
  readonly #checksum = new Crc64();
  #reading: Reading | undefined;

  /** The header, once its 100 bytes have arrived. */
  get header(): LtxHeader | undefined {
    return this.#reading?.header;
  }

  /**
   * Takes the next bytes of the file; answers the pages they complete. Page data is valid until the next call. A chunk
   * can hold pages of 255 times its size, so large ones are better fed and taken.
   */
  push(chunk: Uint8Array): readonly Page[] {
    this.feed(chunk);
    return this.take(Number.POSITIVE_INFINITY);
  }

  /** As `push`, but the pages are to be taken. The chunk must not change until `take` has answered with none. */
  feed(chunk: Uint8Array): void {
    this.#input.feed(chunk);
  }

  /**
   * The next pages, up to `size` bytes of them, rounded up to whole pages; none if more bytes must be fed. Page data is
   * valid until the next call. A size of 0 reads the header and stops there.
   */
  take(size: number): readonly Page[] {
    const batch: Page[] = [];
    const reading = this.#begin();
    if (reading === undefined) return batch;
    reading.pool.reset(reading.page);
    const limit = Math.ceil(size / reading.header.pageSize);
    do {
      while (batch.length < limit && this.#readPage(reading, batch));
      if (reading.pages.isAtEnd) reading.end.read(this.#input, reading.rolling);
    } while (batch.length < limit && this.#input.refill());
    return batch;
  }

  /** To be called when the file's bytes are over. Throws LTX_TRUNCATED if it should have had more. */
  finish(): LtxTrailer {
    const trailer = this.#reading?.end.trailer;
    if (trailer !== undefined) return trailer;
    const place = this.#reading === undefined ? 'its header' : this.#reading.pages.place;
    const end = this.#input.offset + this.#input.available;
    throw new StationError('LTX_TRUNCATED', `the LTX file ends at byte ${end}, within ${place}`);
  }

  #begin(): Reading | undefined {
    if (this.#reading !== undefined) return this.#reading;
    const input = this.#input;
    while (input.available < HEADER_SIZE) if (!input.refill()) return undefined;
    const bytes = input.bytes.subarray(input.position, input.position + HEADER_SIZE);
    const header = decodeHeader(bytes);
    this.#checksum.update(bytes);
    input.position += HEADER_SIZE;
    this.#reading = {
      header,
      pages: new PageReader(header, this.#checksum),
      end: new TrailerReader(header, this.#checksum),
      pool: new PagePool(header.pageSize),
      page: undefined,
      rolling: header.checksums !== 'none' && isSnapshot(header) ? CHECKSUM_FLAG : undefined,
    };
    return this.#reading;
  }

  #readPage(reading: Reading, batch: Page[]): boolean {
    const data = reading.page ?? reading.pool.take();
    reading.page = data;
    if (!reading.pages.read(this.#input, data)) return false;
    reading.page = undefined;
    const number = pageNumber(reading.pages.number);
    reading.end.addPage(number, reading.pages.offset, this.#input.offset - reading.pages.offset);
    if (reading.rolling !== undefined) reading.rolling = addPageChecksum(reading.rolling, pageChecksum(number, data));
    batch.push({ number, data });
    return true;
  }
}

/**
 * Reads one file to its end, with all checks of `LtxDecoder`. Gives its pages in batches of about `batchSize` bytes;
 * page data is valid until the next batch is asked for. The trailer is the generator's return value.
 */
export async function* decodeLtx(
  source: AsyncIterable<Uint8Array>,
  batchSize: number = BATCH_SIZE,
): AsyncGenerator<readonly Page[], LtxTrailer> {
  const decoder = new LtxDecoder();
  for await (const chunk of source) {
    decoder.feed(chunk);
    for (let batch = decoder.take(batchSize); batch.length > 0; batch = decoder.take(batchSize)) yield batch;
  }
  return decoder.finish();
}

/** Reads the header of a file, and no more of it than arrives with it. */
export async function readHeader(source: AsyncIterable<Uint8Array>): Promise<LtxHeader> {
  const decoder = new LtxDecoder();
  for await (const chunk of source) {
    decoder.feed(chunk.subarray(0, HEADER_SIZE));
    decoder.take(0);
    if (decoder.header !== undefined) return decoder.header;
  }
  decoder.finish();
  throw new StationError('INTERNAL', 'an LTX file without a header was taken for complete');
}
