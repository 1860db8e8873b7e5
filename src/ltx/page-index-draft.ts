import { HEADER_SIZE } from './header.ts';
import { writeEntry, writeVarint } from './page-index.ts';

const MAX_VARINT = 10;
const PIECE_SIZE = 64 * 1024;

/**
 * The page index while its file is being written. Page frames lie one behind the other, so the distance from the page
 * before and the length say all: about three bytes a page, where the index itself takes ten.
 */
export class PageIndexDraft {
  #bytes: Uint8Array = new Uint8Array(64);
  #end = 0;
  #last = 0;

  add(number: number, length: number): void {
    if (this.#end + 2 * MAX_VARINT > this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#end = writeVarint(this.#bytes, writeVarint(this.#bytes, this.#end, number - this.#last), length);
    this.#last = number;
  }

  /** The index in pieces, with its closing 0 and without its size field. Each piece is fresh memory. */
  *encode(): Generator<Uint8Array> {
    let piece = new Uint8Array(Math.min(PIECE_SIZE, this.#end * 5 + 31));
    let used = 0;
    let number = 0;
    let offset = HEADER_SIZE;
    let value = 0;
    let scale = 1;
    let isLength = false;
    for (let position = 0; position < this.#end; position += 1) {
      const byte = this.#bytes[position] as number;
      value += (byte & 127) * scale;
      scale *= 128;
      if (byte >= 128) continue;
      if (isLength) {
        if (used + 31 > piece.length) {
          yield piece.subarray(0, used);
          piece = new Uint8Array(PIECE_SIZE);
          used = 0;
        }
        used = writeEntry(piece, used, number, offset, value);
        offset += value;
      } else {
        number += value;
      }
      isLength = !isLength;
      value = 0;
      scale = 1;
    }
    piece[used] = 0;
    yield piece.subarray(0, used + 1);
  }
}
