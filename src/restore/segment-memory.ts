/**
 * Memory for pieces of files on their way. Large pieces use the same memory again and again: garbage of that size is
 * collected far too late.
 */
export class SegmentMemory {
  readonly #size: number;
  readonly #free: Uint8Array[] = [];
  #isKept = true;

  /** @param size of the largest piece, in bytes */
  constructor(size: number) {
    this.#size = size;
  }

  /** As many bytes or more. */
  take(size: number): Uint8Array {
    if (this.#isSmall(size)) return new Uint8Array(size);
    this.#isKept = true;
    return this.#free.pop() ?? new Uint8Array(this.#size);
  }

  /** What was taken is not needed any more. */
  give(piece: Uint8Array): void {
    if (piece.buffer.byteLength !== this.#size) return;
    if (this.#isKept) this.#free.push(new Uint8Array(piece.buffer));
    else free(piece);
  }

  /** No large piece is wanted for now: what is free goes back at once, and what is in use when it is given. */
  drop(): void {
    this.#isKept = false;
    for (const piece of this.#free.splice(0)) free(piece);
  }

  #isSmall(size: number): boolean {
    return size < this.#size / 4;
  }
}

function free({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
