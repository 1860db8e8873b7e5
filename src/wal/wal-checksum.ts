import { endianness } from 'node:os';

/** Byte order in which a WAL's checksums read their words; its magic number says which. */
export type WordOrder = 'little' | 'big';

const hostIsLittle = endianness() === 'LE';

/**
 * SQLite's WAL checksum, which runs on from the WAL's header through every frame:
 * `s0 += x0 + s1; s1 += x1 + s0` over pairs of 32-bit words.
 */
export class RunningChecksum {
  readonly #order: WordOrder;
  #first: number;
  #second: number;

  constructor(order: WordOrder, first = 0, second = 0) {
    this.#order = order;
    this.#first = first | 0;
    this.#second = second | 0;
  }

  get first(): number {
    return this.#first >>> 0;
  }

  get second(): number {
    return this.#second >>> 0;
  }

  /** Adds `data[start…end)`; the length must be a multiple of 8. */
  add(data: Uint8Array, start: number, end: number): void {
    const aligned = ((data.byteOffset + start) & 3) === 0;
    if (aligned && hostIsLittle && this.#order === 'little') this.#addWords(data, start, end);
    else this.#addBytes(data, start, end);
  }

  #addWords(data: Uint8Array, start: number, end: number): void {
    const words = new Int32Array(data.buffer, data.byteOffset + start, (end - start) >>> 2);
    let first = this.#first;
    let second = this.#second;
    for (let index = 0; index < words.length; index += 2) {
      first = (first + (words[index] as number) + second) | 0;
      second = (second + (words[index + 1] as number) + first) | 0;
    }
    this.#first = first;
    this.#second = second;
  }

  #addBytes(data: Uint8Array, start: number, end: number): void {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const little = this.#order === 'little';
    let first = this.#first;
    let second = this.#second;
    for (let offset = start; offset < end; offset += 8) {
      first = (first + view.getUint32(offset, little) + second) | 0;
      second = (second + view.getUint32(offset + 4, little) + first) | 0;
    }
    this.#first = first;
    this.#second = second;
  }
}
