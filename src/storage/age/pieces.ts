/**
 * The same bytes in pieces of the size asked for: one of `first` bytes, then all of `size`; only the last may be shorter.
 * Each piece is memory of its own.
 */
export async function* inPieces(
  source: AsyncIterable<Uint8Array>,
  size: number,
  first: number = size,
): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(first);
  let filled = 0;
  for await (const chunk of source) {
    for (let taken = 0; taken < chunk.byteLength; ) {
      const part = chunk.subarray(taken, taken + piece.byteLength - filled);
      piece.set(part, filled);
      filled += part.byteLength;
      taken += part.byteLength;
      if (filled < piece.byteLength) continue;
      yield piece;
      piece = new Uint8Array(size);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
