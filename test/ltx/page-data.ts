import fc from 'fast-check';

/**
 * Page images as databases have them and worse: empty, noise, one repeated pattern, text with a gap in the middle. Few
 * random bytes each, so that large pages are quick to make.
 */
export function pageData(size: number): fc.Arbitrary<Uint8Array> {
  return fc.oneof(
    fc.constant(new Uint8Array(size)),
    fc.nat(0xffffffff).map((seed) => noise(size, seed)),
    fc.uint8Array({ minLength: 1, maxLength: 40 }).map((pattern) => repeated(size, pattern)),
    fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(0xffffffff)).map(([pattern, seed]) => {
      const page = repeated(size, pattern);
      page.fill(0, size >> 3, size >> 1);
      page.set(noise(size >> 3, seed), size - (size >> 3));
      return page;
    }),
  );
}

/** Bytes that do not compress, always the same for one seed. */
export function noise(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed | 1;
  for (let index = 0; index < size; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state;
  }
  return bytes;
}

function repeated(size: number, pattern: Uint8Array): Uint8Array {
  const page = Buffer.alloc(size, pattern);
  return new Uint8Array(page.buffer, page.byteOffset, size);
}
