import { isStationError, StationError } from '../errors.ts';
import type { Page } from '../page.ts';
import { LtxDecoder } from './decoder.ts';
import type { LtxHeader } from './header.ts';

/** One of the files being merged: its bytes, and the page it has come to. */
export class MergeInput {
  /** Place among the inputs, oldest first: of two images of a page, the one from the higher order is newer. */
  readonly order: number;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #decoder = new LtxDecoder();
  #batch: readonly Page[] = [];
  #next = 0;

  constructor(source: AsyncIterable<Uint8Array>, order: number) {
    this.order = order;
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The page it has come to; undefined before the first `advance` and after the end. */
  get page(): Page | undefined {
    return this.#batch[this.#next];
  }

  /** Reads as far as the header. Throws what the source throws, or LTX_INVALID, LTX_TRUNCATED. */
  async readHeader(): Promise<LtxHeader> {
    for (;;) {
      // No page is taken: the decoder stops behind the header.
      this.#named(() => this.#decoder.take(0));
      if (this.#decoder.header !== undefined) return this.#decoder.header;
      if (!(await this.#feed())) this.#named(() => this.#decoder.finish());
    }
  }

  /** Moves on within the pages already decoded. False if `advance` is needed. */
  step(): boolean {
    this.#next += 1;
    return this.#next < this.#batch.length;
  }

  /**
   * Decodes the next `size` bytes of pages, after which those before are no longer valid. False if there are none:
   * the file has then been verified to its end. Throws what the source throws, or LTX_INVALID, LTX_TRUNCATED, LTX_CHECKSUM.
   */
  async advance(size: number): Promise<boolean> {
    this.#next = 0;
    for (;;) {
      this.#batch = this.#named(() => this.#decoder.take(size));
      if (this.#batch.length > 0) return true;
      if (await this.#feed()) continue;
      this.#named(() => this.#decoder.finish());
      return false;
    }
  }

  /** Lets go of the source, wherever it is. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #feed(): Promise<boolean> {
    const result = await this.#source.next();
    if (result.done === true) return false;
    this.#decoder.feed(result.value);
    return true;
  }

  /** Says in every error of the decoder which of the files it is about. */
  #named<T>(decode: () => T): T {
    try {
      return decode();
    } catch (error) {
      if (!isStationError(error)) throw error;
      const header = this.#decoder.header;
      const range = header === undefined ? '' : `, TXIDs ${header.minTxid} to ${header.maxTxid}`;
      throw new StationError(error.code, `merge input ${this.order + 1}${range}: ${error.message}`, { cause: error });
    }
  }
}
