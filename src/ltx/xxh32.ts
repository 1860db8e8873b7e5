/** The four odd constants and the last one of xxHash32, as signed 32-bit numbers for Math.imul. */
const PRIME_1 = 0x9e3779b1 | 0;
const PRIME_2 = 0x85ebca77 | 0;
const PRIME_3 = 0xc2b2ae3d | 0;
const PRIME_4 = 0x27d4eb2f | 0;
const PRIME_5 = 0x165667b1 | 0;

/** What the four lanes begin with, which take a word each of every 16 bytes. */
export const STRIPE_START: readonly [number, number, number, number] = [
  (PRIME_1 + PRIME_2) | 0,
  PRIME_2,
  0,
  -PRIME_1 | 0,
];

/** xxHash32 with seed 0 of `bytes[start…end)`, unsigned: the checksum LZ4 frames carry. */
export function xxh32(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = end - start;
  if (length < 16) return finish((PRIME_5 + length) | 0, view, start, end);
  const stripes = end - 16;
  let position = start;
  let [a, b, c, d] = STRIPE_START;
  for (; position <= stripes; position += 16) {
    a = xxh32Round(a, view.getUint32(position, true));
    b = xxh32Round(b, view.getUint32(position + 4, true));
    c = xxh32Round(c, view.getUint32(position + 8, true));
    d = xxh32Round(d, view.getUint32(position + 12, true));
  }
  return finish((join(a, b, c, d) + length) | 0, view, position, end);
}

/** The hash of `length` bytes, 16 or more, of which all stripes of 16 went into the four lanes. */
export function finishXxh32(lanes: Int32Array, length: number, rest: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = lanes;
  const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
  return finish((join(a, b, c, d) + length) | 0, view, 0, rest.byteLength);
}

function join(a: number, b: number, c: number, d: number): number {
  return rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
}

function finish(start: number, view: DataView, from: number, end: number): number {
  let hash = start;
  let position = from;
  for (; position + 4 <= end; position += 4) {
    hash = Math.imul(rotate((hash + Math.imul(view.getUint32(position, true), PRIME_3)) | 0, 17), PRIME_4);
  }
  for (; position < end; position += 1) {
    hash = Math.imul(rotate((hash + Math.imul(view.getUint8(position), PRIME_5)) | 0, 11), PRIME_1);
  }
  return avalanche(hash);
}

/** A lane with its next word. */
export function xxh32Round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, PRIME_2)) | 0, 13), PRIME_1);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function avalanche(value: number): number {
  let hash = Math.imul(value ^ (value >>> 15), PRIME_2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
