import lz4 from 'lz4-napi';
import { StationError } from '../errors.ts';
import type { InputWindow } from './input-window.ts';
import { maxBlockSize } from './lz4-block.ts';
import { decompressBlock } from './lz4-decompress.ts';
import { xxh32 } from './xxh32.ts';

/** Read as little-endian, as LZ4 defines it. */
export const FRAME_MAGIC = 0x184d2204;

/** Magic, flags (version 1, independent blocks, content checksum), 64 KiB blocks, and the checksum of the two. */
const HEADER = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7);
/** Set in a block's size if its bytes are stored as they are. */
const STORED = 0x80000000;

/**
 * One page as one LZ4 frame with a content checksum, as stock Litestream writes it, behind `prefix` bytes left free.
 * A page that does not shrink is stored.
 */
export function encodePageFrame(page: Uint8Array, prefix: number): Uint8Array {
  // The library puts the uncompressed size, 4 bytes, before the block.
  const block = lz4.compressSync(asBuffer(page));
  const stored = block.length - 4 >= page.length;
  const size = stored ? page.length : block.length - 4;
  const bytes = new Uint8Array(prefix + HEADER.length + 4 + size + 8);
  const view = new DataView(bytes.buffer);
  bytes.set(HEADER, prefix);
  view.setUint32(prefix + HEADER.length, stored ? (size | STORED) >>> 0 : size, true);
  const start = prefix + HEADER.length + 4;
  bytes.set(stored ? page : block.subarray(4), start);
  view.setUint32(start + size + 4, xxh32(page), true);
  return bytes;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

type FrameState = 'header' | 'block size' | 'block' | 'content checksum';

/**
 * Walks one LZ4 frame after the other as their bytes arrive, each the content of one page, and decompresses them. It
 * allocates nothing that a file asks for: a frame that does not give exactly one page is refused.
 *
 * Takes every feature of the frame format (several blocks, dependent or not, stored blocks, checksum of block and
 * content, content size) but dictionaries, which nobody can have written.
 */
export class FrameReader {
  #state: FrameState = 'header';
  #page: Uint8Array = new Uint8Array(0);
  #written = 0;
  #flags = 0;
  #maxBlock = 0;
  #blockSize = 0;
  #stored = false;

  /** Starts a frame whose content must fill `page`. */
  begin(page: Uint8Array): void {
    this.#state = 'header';
    this.#page = page;
    this.#written = 0;
  }

  /**
   * Consumes what it can. True once the frame is complete; false if more bytes are needed.
   * Throws LTX_INVALID or LTX_CHECKSUM.
   */
  read(input: InputWindow): boolean {
    for (;;) {
      switch (this.#state) {
        case 'header':
          if (!this.#readHeader(input)) return false;
          this.#state = 'block size';
          break;
        case 'block size':
          if (input.available < 4) return false;
          if (this.#readBlockSize(input)) {
            this.#state = 'block';
            break;
          }
          if (!this.#hasContentChecksum) return true;
          this.#state = 'content checksum';
          break;
        case 'block':
          if (input.available < this.#blockSize + (this.#hasBlockChecksums ? 4 : 0)) return false;
          this.#readBlock(input);
          this.#state = 'block size';
          break;
        case 'content checksum':
          if (input.available < 4) return false;
          if (input.view.getUint32(input.position, true) !== xxh32(this.#page)) throw mismatch(input, 'content');
          input.position += 4;
          return true;
      }
    }
  }

  get #hasContentChecksum(): boolean {
    return (this.#flags & 0x04) !== 0;
  }

  get #hasBlockChecksums(): boolean {
    return (this.#flags & 0x10) !== 0;
  }

  get #hasIndependentBlocks(): boolean {
    return (this.#flags & 0x20) !== 0;
  }

  #readHeader(input: InputWindow): boolean {
    if (input.available < HEADER.length) return false;
    const { view, position } = input;
    if (view.getUint32(position, true) !== FRAME_MAGIC) throw invalid(input, 'it does not start with the magic number');
    const flags = view.getUint8(position + 4);
    const descriptor = view.getUint8(position + 5);
    if ((flags & 0xc2) !== 0x40) throw invalid(input, `its flags 0x${flags.toString(16)} are unknown`);
    if ((flags & 0x01) !== 0) throw invalid(input, 'it needs a dictionary');
    if ((descriptor & 0x8f) !== 0 || descriptor < 0x40) throw invalid(input, 'its block size is unknown');
    const contentSize = (flags & 0x08) === 0 ? 0 : 8;
    if (input.available < HEADER.length + contentSize) return false;
    const expected = (xxh32(input.bytes, position + 4, position + 6 + contentSize) >>> 8) & 0xff;
    if (view.getUint8(position + 6 + contentSize) !== expected) throw mismatch(input, 'header');
    if (contentSize !== 0 && view.getBigUint64(position + 6, true) !== BigInt(this.#page.length)) {
      throw invalid(input, 'its content size is not that of a page');
    }
    this.#flags = flags;
    this.#maxBlock = 1 << (8 + 2 * (descriptor >>> 4));
    input.position += HEADER.length + contentSize;
    return true;
  }

  /** False if it was the end mark. */
  #readBlockSize(input: InputWindow): boolean {
    const word = input.view.getUint32(input.position, true);
    const room = Math.min(this.#page.length - this.#written, this.#maxBlock);
    if (word === 0) {
      if (this.#written !== this.#page.length) throw invalid(input, `it holds only ${this.#written} bytes of a page`);
      input.position += 4;
      return false;
    }
    this.#stored = word >= STORED;
    this.#blockSize = this.#stored ? word - STORED : word;
    // A block of nothing would let a frame go on for ever.
    if (room === 0 || this.#blockSize === 0 || this.#blockSize > (this.#stored ? room : maxBlockSize(room))) {
      throw invalid(input, `a block of ${this.#blockSize} bytes gives more than a page`);
    }
    input.position += 4;
    return true;
  }

  #readBlock(input: InputWindow): void {
    const start = input.position;
    const end = start + this.#blockSize;
    if (this.#hasBlockChecksums && xxh32(input.bytes, start, end) !== input.view.getUint32(end, true)) {
      throw mismatch(input, 'block');
    }
    const from = this.#written;
    if (this.#stored) {
      this.#page.set(input.bytes.subarray(start, end), from);
      this.#written += this.#blockSize;
    } else {
      const limit = Math.min(this.#page.length, from + this.#maxBlock);
      const window = this.#hasIndependentBlocks ? from : 0;
      this.#written = decompressBlock(input.view, start, end, this.#page, from, limit, window);
      if (this.#written <= from) throw invalid(input, 'a block is damaged, or gives more than a page');
    }
    input.position = this.#hasBlockChecksums ? end + 4 : end;
  }
}

function invalid(input: InputWindow, what: string): StationError {
  return new StationError('LTX_INVALID', `the LZ4 frame is wrong at byte ${input.offset}: ${what}`);
}

function mismatch(input: InputWindow, what: string): StationError {
  return new StationError('LTX_CHECKSUM', `the LZ4 frame’s ${what} checksum is wrong at byte ${input.offset}`);
}
