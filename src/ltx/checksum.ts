import type { PageNumber } from '../quantities.ts';

/** Bit 63, set in every stored checksum, so that one that is present is never 0. */
export const CHECKSUM_FLAG = 1n << 63n;

/** Upper halves of the 256 byte remainders; the lower halves are all zero, as the polynomial has only low terms. */
const remainders: Int32Array = buildRemainders();

/**
 * CRC-64/GO-ISO (reflected, polynomial x^64 + x^4 + x^3 + x + 1, all ones before and after), over bytes that come in
 * any number of pieces.
 *
 * Because x^64 ≡ x^4 + x^3 + x + 1, eight bytes are folded in with a few shifts and no table.
 */
export class Crc64 {
  #high = -1;
  #low = -1;

  /** Takes in `bytes[start…end)`. */
  update(bytes: Uint8Array, start = 0, end: number = bytes.length): this {
    const words = start + ((end - start) & ~7);
    // A DataView costs more than it saves on the few bytes of a page header.
    if (end - start >= 16) {
      this.#fold(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), start, words);
      this.#addBytes(bytes, words, end);
    } else {
      this.#addBytes(bytes, start, end);
    }
    return this;
  }

  /** Takes in one 32-bit number, most significant byte first. */
  updateUint32(value: number): this {
    let high = this.#high;
    let low = this.#low;
    for (let shift = 24; shift >= 0; shift -= 8) {
      const index = (low ^ (value >>> shift)) & 0xff;
      low = (low >>> 8) | (high << 24);
      high = (high >>> 8) ^ (remainders[index] as number);
    }
    this.#high = high;
    this.#low = low;
    return this;
  }

  /** The checksum of all bytes so far; more may follow. */
  digest(): bigint {
    return (BigInt(~this.#high >>> 0) << 32n) | BigInt(~this.#low >>> 0);
  }

  #fold(view: DataView, start: number, end: number): void {
    let high = this.#high;
    let low = this.#low;
    for (let position = start; position < end; position += 8) {
      low ^= view.getInt32(position, true);
      high ^= view.getInt32(position + 4, true);
      high ^= (low << 31) ^ (low << 29) ^ (low << 28);
      low ^= ((low >>> 1) | (high << 31)) ^ ((low >>> 3) | (high << 29)) ^ ((low >>> 4) | (high << 28));
      high ^= (high >>> 1) ^ (high >>> 3) ^ (high >>> 4);
    }
    this.#high = high;
    this.#low = low;
  }

  #addBytes(bytes: Uint8Array, start: number, end: number): void {
    let high = this.#high;
    let low = this.#low;
    for (let position = start; position < end; position += 1) {
      const index = (low ^ (bytes[position] as number)) & 0xff;
      low = (low >>> 8) | (high << 24);
      high = (high >>> 8) ^ (remainders[index] as number);
    }
    this.#high = high;
    this.#low = low;
  }
}

/** The checksum of one page as LTX defines it: over the page number (32 bits, big-endian) and the page, flag included. */
export function pageChecksum(number: PageNumber, data: Uint8Array): bigint {
  return new Crc64().updateUint32(number).update(data).digest() | CHECKSUM_FLAG;
}

/**
 * The rolling checksum of a database after one page's checksum is put in, or taken out: both are the same operation,
 * and order does not matter. Starts at `CHECKSUM_FLAG`; the lock page takes no part.
 */
export function addPageChecksum(rolling: bigint, page: bigint): bigint {
  return (rolling ^ page) | CHECKSUM_FLAG;
}

function buildRemainders(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let high = 0;
    let low = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      const carry = low & 1;
      low = (low >>> 1) | (high << 31);
      high = (high >>> 1) ^ (carry === 0 ? 0 : 0xd8000000);
    }
    return high;
  });
}
