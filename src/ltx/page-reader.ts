import { StationError } from '../errors.ts';
import type { Crc64 } from './checksum.ts';
import type { LtxHeader } from './header.ts';
import type { InputWindow } from './input-window.ts';
import { maxBlockSize } from './lz4-block.ts';
import { decompressBlock } from './lz4-decompress.ts';
import { FRAME_MAGIC, FrameReader } from './lz4-frame.ts';
import { PageRules } from './page-rules.ts';

const PAGE_HEADER_SIZE = 6;
const SIZE_FIELD = 4;
/** The page is an LZ4 block behind a size field; without it, an LZ4 frame. */
const FLAG_BLOCK = 1;

/** Where in a page frame reading goes on. */
type PageState = 'page header' | 'block' | 'frame' | 'end';

/** Reads the page frames of a file up to the end marker, both encodings, as their bytes arrive. */
export class PageReader {
  readonly #pageSize: number;
  readonly #rules: PageRules;
  readonly #checksum: Crc64;
  readonly #frame = new FrameReader();
  /** Page header and size field: what the file's checksum covers besides the page. */
  readonly #covered = new Uint8Array(PAGE_HEADER_SIZE + SIZE_FIELD);
  #state: PageState = 'page header';
  #page: Uint8Array = new Uint8Array(0);
  #blockSize = 0;
  #isFirst = true;
  /** Number of the page being read, or read last. */
  number = 0;
  /** Offset in the file at which its page frame starts. */
  offset = 0;

  constructor(header: LtxHeader, checksum: Crc64) {
    this.#pageSize = header.pageSize;
    this.#rules = new PageRules(header);
    this.#checksum = checksum;
  }

  get isAtEnd(): boolean {
    return this.#state === 'end';
  }

  /** What the reader is in, for messages. */
  get place(): string {
    if (this.#state === 'end') return 'its page index or trailer';
    return this.#state === 'page header' ? 'its pages' : `page ${this.number}`;
  }

  /**
   * Consumes what it can of the next page. True once `page` holds it; false if more bytes are needed, or at the end.
   * `page` must be the same until it is complete. Throws LTX_INVALID or LTX_CHECKSUM.
   */
  read(input: InputWindow, page: Uint8Array): boolean {
    if (this.#state === 'end') return false;
    if (this.#state === 'page header' && !this.#readHeader(input, page)) return false;
    const isComplete = this.#state === 'frame' ? this.#frame.read(input) : this.#readBlock(input);
    if (!isComplete) return false;
    this.#checksum.update(this.#page);
    this.#state = 'page header';
    return true;
  }

  /** True if a page follows, and its payload is next. */
  #readHeader(input: InputWindow, page: Uint8Array): boolean {
    if (input.available < PAGE_HEADER_SIZE) return false;
    const number = input.view.getUint32(input.position);
    const flags = input.view.getUint16(input.position + 4);
    if (number === 0 && flags === 0) {
      this.#rules.finish(` (end of the pages at byte ${input.offset})`);
      this.#consume(input, PAGE_HEADER_SIZE);
      this.#state = 'end';
      return false;
    }
    const isBlock = flags === FLAG_BLOCK;
    if (input.available < PAGE_HEADER_SIZE + SIZE_FIELD) return false;
    if (!isBlock) this.#checkFrameFollows(input, flags);
    this.number = number;
    this.offset = input.offset;
    this.#rules.next(number, ` (at byte ${input.offset})`);
    this.#page = page;
    this.#isFirst = false;
    if (isBlock) {
      this.#beginBlock(input);
    } else {
      this.#consume(input, PAGE_HEADER_SIZE);
      this.#frame.begin(page);
      this.#state = 'frame';
    }
    return true;
  }

  /** Also where files of older versions, which have no version number, are told apart: by their first page. */
  #checkFrameFollows(input: InputWindow, flags: number): void {
    const { view, position } = input;
    if (flags === 0 && view.getUint32(position + 6, true) === FRAME_MAGIC) return;
    const where = `at byte ${input.offset}`;
    if (this.#isFirst && view.getUint32(position + 4, true) === FRAME_MAGIC) {
      throw invalid(`the file is in LTX version 2, which is not supported (page of that version ${where})`);
    }
    if (this.#isFirst) {
      throw invalid(`no LTX version 3 page ${where}: the file is damaged, or in version 1, which is not supported`);
    }
    if (flags !== 0) throw invalid(`the page flags 0x${flags.toString(16)} ${where} are unknown`);
    throw invalid(`the page ${where} does not start an LZ4 frame`);
  }

  #beginBlock(input: InputWindow): void {
    const size = input.view.getUint32(input.position + PAGE_HEADER_SIZE);
    if (size === 0 || size > maxBlockSize(this.#pageSize)) {
      throw invalid(
        `page ${this.number} at byte ${input.offset} has a block of ${size} bytes, more than a page can take`,
      );
    }
    this.#blockSize = size;
    this.#consume(input, PAGE_HEADER_SIZE + SIZE_FIELD);
    this.#state = 'block';
  }

  #readBlock(input: InputWindow): boolean {
    if (input.available < this.#blockSize) return false;
    const start = input.position;
    const end = start + this.#blockSize;
    const written = decompressBlock(input.view, start, end, this.#page, 0, this.#pageSize, 0);
    // Stock Litestream does not look at the length and would leave old bytes behind a short page.
    if (written !== this.#pageSize) {
      throw invalid(`the LZ4 block at byte ${input.offset} of page ${this.number} does not give one page`);
    }
    input.position = end;
    return true;
  }

  #consume(input: InputWindow, length: number): void {
    for (let index = 0; index < length; index += 1) {
      this.#covered[index] = input.bytes[input.position + index] as number;
    }
    this.#checksum.update(this.#covered, 0, length);
    input.position += length;
  }
}

function invalid(message: string): StationError {
  return new StationError('LTX_INVALID', message);
}
