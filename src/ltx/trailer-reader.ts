import { StationError } from '../errors.ts';
import { CHECKSUM_FLAG, Crc64 } from './checksum.ts';
import { isSnapshot, type LtxHeader } from './header.ts';
import type { InputWindow } from './input-window.ts';
import { INDEX_FOOTER_SIZE, MAX_ENTRY_SIZE, writeEntry } from './page-index.ts';

/** What the end of a file says about it. */
export interface LtxTrailer {
  /** Rolling checksum of the database after the file; 0 in files without rolling checksums. */
  readonly postApply: bigint;
  readonly fileChecksum: bigint;
  readonly pages: number;
}

/**
 * Reads what follows the pages: index, its size, trailer.
 *
 * The index must be byte for byte the one that follows from the pages. Of that one only length and CRC are kept, so
 * memory does not grow with the number of pages, and no size the file states is believed.
 */
export class TrailerReader {
  readonly #header: LtxHeader;
  readonly #checksum: Crc64;
  readonly #entry = new Uint8Array(MAX_ENTRY_SIZE);
  readonly #expected = new Crc64();
  readonly #seen = new Crc64();
  /** With its closing 0. */
  #expectedSize = 1;
  #seenSize = 0;
  #pages = 0;
  #trailer: LtxTrailer | undefined;

  constructor(header: LtxHeader, checksum: Crc64) {
    this.#header = header;
    this.#checksum = checksum;
  }

  get trailer(): LtxTrailer | undefined {
    return this.#trailer;
  }

  get pages(): number {
    return this.#pages;
  }

  /** Notes a page frame, which the index must name. */
  addPage(number: number, offset: number, length: number): void {
    const size = writeEntry(this.#entry, 0, number, offset, length);
    this.#expected.update(this.#entry, 0, size);
    this.#expectedSize += size;
    this.#pages += 1;
  }

  /** Consumes what it can. `rolling` is the checksum of the pages seen, if the file is to have one. */
  read(input: InputWindow, rolling: bigint | undefined): void {
    if (this.#seenSize < this.#expectedSize) this.#readIndex(input);
    if (this.#seenSize === this.#expectedSize && this.#trailer === undefined && input.available >= INDEX_FOOTER_SIZE) {
      this.#trailer = this.#readFooter(input, rolling);
    }
    if (this.#trailer !== undefined && input.available > 0)
      throw invalid(`bytes follow its end at byte ${input.offset}`);
  }

  #readIndex(input: InputWindow): void {
    const size = Math.min(input.available, this.#expectedSize - this.#seenSize);
    this.#seen.update(input.bytes, input.position, input.position + size);
    this.#checksum.update(input.bytes, input.position, input.position + size);
    this.#seenSize += size;
    input.position += size;
    if (this.#seenSize < this.#expectedSize) return;
    this.#entry[0] = 0;
    if (this.#seen.digest() !== this.#expected.update(this.#entry, 0, 1).digest()) {
      throw invalid(`its page index, up to byte ${input.offset}, does not match its pages`);
    }
  }

  #readFooter(input: InputWindow, rolling: bigint | undefined): LtxTrailer {
    const { view, position } = input;
    const indexSize = view.getBigUint64(position);
    if (indexSize !== BigInt(this.#expectedSize)) {
      throw invalid(`its page index has ${this.#expectedSize} bytes, not ${indexSize} (at byte ${input.offset})`);
    }
    const postApply = view.getBigUint64(position + 8);
    const fileChecksum = view.getBigUint64(position + 16);
    this.#checksum.update(input.bytes, position, position + 16);
    const computed = this.#checksum.digest() | CHECKSUM_FLAG;
    if (fileChecksum !== computed) {
      const both = `${fileChecksum.toString(16)}, computed ${computed.toString(16)}`;
      throw new StationError('LTX_CHECKSUM', `the file checksum at byte ${input.offset + 16} is wrong: stored ${both}`);
    }
    this.#checkPostApply(postApply, rolling, input.offset + 8);
    input.position += INDEX_FOOTER_SIZE;
    return { postApply, fileChecksum, pages: this.#pages };
  }

  #checkPostApply(postApply: bigint, rolling: bigint | undefined, offset: number): void {
    if (this.#header.checksums === 'none') {
      if (postApply !== 0n) throw invalid(`it has a post-apply checksum at byte ${offset}, its flags say it has none`);
      return;
    }
    if ((postApply & CHECKSUM_FLAG) === 0n) throw invalid(`the post-apply checksum at byte ${offset} is missing`);
    if (this.#header.commit === 0 && postApply !== CHECKSUM_FLAG) {
      throw invalid(`the post-apply checksum at byte ${offset} is not that of an empty database`);
    }
    if (isSnapshot(this.#header) && postApply !== rolling) {
      throw new StationError('LTX_CHECKSUM', `the post-apply checksum at byte ${offset} is not that of the pages`);
    }
  }
}

function invalid(what: string): StationError {
  return new StationError('LTX_INVALID', `the LTX file is wrong: ${what}`);
}
