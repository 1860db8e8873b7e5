import { StationError } from '../errors.ts';

const EMPTY = new Uint8Array(0);
/** Chunks are copied behind what is left of the one before in slices of this size, so that the copy stays small. */
const SLICE = 64 * 1024;

/**
 * The bytes of a file that have arrived and are not yet consumed. A chunk is read where it lies; only what is left of
 * it, less than one page frame, is kept, and then slices of the next chunk are put behind that.
 */
export class InputWindow {
  bytes: Uint8Array = EMPTY;
  view: DataView = viewOf(EMPTY);
  /** Next byte to consume, as an index into `bytes`. */
  position = 0;
  /** Index into `bytes` behind the last byte that has arrived. */
  end = 0;
  /** Offset in the file of `bytes[0]`. */
  #base = 0;
  /** The part of the caller's chunk that is not in `bytes` yet. */
  #rest: Uint8Array = EMPTY;
  #own: Uint8Array = EMPTY;

  get available(): number {
    return this.end - this.position;
  }

  /** Offset in the file of the next byte to consume. */
  get offset(): number {
    return this.#base + this.position;
  }

  /** Takes a chunk, which must not change until `refill` has answered false. */
  feed(chunk: Uint8Array): void {
    if (this.#rest.length > 0) throw new StationError('INTERNAL', 'an LTX decoder was fed before it was emptied');
    this.#rest = chunk;
  }

  /** Makes more of the chunk readable. False if all of it is: what is left then lies in our own memory. */
  refill(): boolean {
    const left = this.available;
    if (this.#rest.length === 0) {
      if (left > 0 && this.bytes !== this.#own) this.#keep(left);
      return false;
    }
    if (left === 0) {
      this.#show(this.#rest, 0, this.#rest.length, this.offset);
      this.#rest = EMPTY;
      return true;
    }
    if (this.bytes !== this.#own) this.#keep(left);
    const slice = this.#rest.subarray(0, SLICE);
    this.#rest = this.#rest.subarray(slice.length);
    if (this.end + slice.length > this.#own.length) this.#makeRoom(left + slice.length);
    this.bytes.set(slice, this.end);
    this.end += slice.length;
    return true;
  }

  #keep(left: number): void {
    const source = this.bytes.subarray(this.position, this.end);
    if (this.#own.length < left) this.#own = new Uint8Array(2 * left);
    this.#own.set(source);
    this.#show(this.#own, 0, left, this.offset);
  }

  /** Moves what is left to the front; twice the need, so that chunks of a byte do not move it every time. */
  #makeRoom(needed: number): void {
    const left = this.available;
    const base = this.offset;
    if (this.#own.length < 2 * needed) this.#own = new Uint8Array(2 * needed);
    this.#own.set(this.bytes.subarray(this.position, this.end));
    this.#show(this.#own, 0, left, base);
  }

  #show(bytes: Uint8Array, position: number, end: number, base: number): void {
    if (this.bytes !== bytes) {
      this.bytes = bytes;
      this.view = viewOf(bytes);
    }
    this.position = position;
    this.end = end;
    this.#base = base;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
