import { finishXxh32, STRIPE_START, xxh32, xxh32Round } from '../../ltx/xxh32.ts';

const STRIPE = 16;

/** xxHash32 with seed 0 of bytes that arrive in pieces. */
export class RunningXxh32 {
  readonly #lanes = Int32Array.from(STRIPE_START);
  readonly #rest = new Uint8Array(STRIPE);
  #restLength = 0;
  #length = 0;

  add(bytes: Uint8Array): void {
    this.#length += bytes.byteLength;
    let position = 0;
    if (this.#restLength > 0) {
      const missing = bytes.subarray(0, STRIPE - this.#restLength);
      this.#rest.set(missing, this.#restLength);
      this.#restLength += missing.byteLength;
      position = missing.byteLength;
      if (this.#restLength < STRIPE) return;
      this.#addStripes(this.#rest, 0, STRIPE);
      this.#restLength = 0;
    }
    const end = bytes.byteLength - ((bytes.byteLength - position) % STRIPE);
    this.#addStripes(bytes, position, end);
    this.#rest.set(bytes.subarray(end));
    this.#restLength = bytes.byteLength - end;
  }

  /** Unsigned. */
  get value(): number {
    const rest = this.#rest.subarray(0, this.#restLength);
    if (this.#length < STRIPE) return xxh32(rest);
    return finishXxh32(this.#lanes, this.#length, rest);
  }

  #addStripes(bytes: Uint8Array, from: number, to: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let [a = 0, b = 0, c = 0, d = 0] = this.#lanes;
    for (let position = from; position < to; position += STRIPE) {
      a = xxh32Round(a, view.getUint32(position, true));
      b = xxh32Round(b, view.getUint32(position + 4, true));
      c = xxh32Round(c, view.getUint32(position + 8, true));
      d = xxh32Round(d, view.getUint32(position + 12, true));
    }
    this.#lanes.set([a, b, c, d]);
  }
}
