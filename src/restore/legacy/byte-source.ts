/** Bytes that arrive in chunks of any size, taken in pieces of the size that is needed. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #position = 0;
  #own = new Uint8Array(0);
  /** How many bytes have been taken. */
  offset = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `size` bytes, valid until the next call; fewer where the source ends. */
  async take(size: number): Promise<Uint8Array> {
    while (this.#position === this.#chunk.byteLength && (await this.#pull()));
    const end = this.#position + size;
    if (end <= this.#chunk.byteLength) {
      const piece = this.#chunk.subarray(this.#position, end);
      this.#position = end;
      this.offset += size;
      return piece;
    }
    if (this.#own.byteLength < size) this.#own = new Uint8Array(size);
    let filled = 0;
    do {
      const part = this.#chunk.subarray(this.#position, this.#position + size - filled);
      this.#own.set(part, filled);
      filled += part.byteLength;
      this.#position += part.byteLength;
    } while (filled < size && (await this.#pull()));
    this.offset += filled;
    return this.#own.subarray(0, filled);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #pull(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) return false;
    this.#chunk = next.value;
    this.#position = 0;
    return true;
  }
}
