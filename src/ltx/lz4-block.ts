/** Up to this length a run is copied byte by byte; beyond it the built-in copy is faster. */
const SHORT_RUN = 64;
/** The fast copies write at most this far, so they must start this far from the end. */
const FAST_LITERALS = 16;
const FAST_MATCH = 20;

/** The most bytes an LZ4 block of `length` bytes of content can take: no compressor writes more. */
export function maxBlockSize(length: number): number {
  return length + Math.floor(length / 255) + 16;
}

/**
 * Decompresses one raw LZ4 block, bytes `from…to` of `input`, into `output[start…end)`. Matches may reach back to
 * `window` and no further. Answers the position behind the last byte written, or -1 if the block is malformed or does
 * not fit. Bytes of `output` between that position and `end` may have changed.
 *
 * Damaged input is neither believed about its own size nor makes allocations: this one allocates nothing.
 */
export function decodeBlock(
  input: DataView,
  from: number,
  to: number,
  output: Uint8Array,
  start: number,
  end: number,
  window: number,
): number {
  const target = new DataView(output.buffer, output.byteOffset, output.byteLength);
  let read = from;
  let write = start;
  while (read < to) {
    const token = input.getUint8(read);
    read += 1;
    let literals = token >>> 4;
    if (literals < 15 && read + FAST_LITERALS <= to && write + FAST_LITERALS <= end) {
      copyFast(input, read, target, write, literals);
    } else {
      if (literals === 15) {
        literals = longLength(input, read, to, 15);
        if (literals < 0) return -1;
        read += extraBytes(literals - 15);
      }
      if (literals > to - read || literals > end - write) return -1;
      copyLiterals(input, read, output, write, literals);
    }
    read += literals;
    write += literals;
    // The last sequence is literals only.
    if (read === to) return write;
    if (to - read < 2) return -1;
    const distance = input.getUint16(read, true);
    read += 2;
    if (distance === 0 || distance > write - window) return -1;
    let length = (token & 15) + 4;
    if (length < 19 && distance >= 4 && write + FAST_MATCH <= end) {
      copyFast(target, write - distance, target, write, length);
      if (length > 16) target.setInt32(write + 16, target.getInt32(write + 16 - distance, true), true);
    } else {
      if (length === 19) {
        length = longLength(input, read, to, 19);
        if (length < 0) return -1;
        read += extraBytes(length - 19);
      }
      if (length > end - write) return -1;
      copyMatch(output, write, distance, length);
    }
    write += length;
  }
  return -1;
}

/** A length that goes on in further bytes, each of which adds up to 255. -1 if they are cut off. */
function longLength(input: DataView, from: number, to: number, base: number): number {
  let length = base;
  for (let position = from; position < to; position += 1) {
    const more = input.getUint8(position);
    length += more;
    if (more !== 255) return length;
  }
  return -1;
}

/** How many bytes `longLength` has read to find that much above its base. */
function extraBytes(above: number): number {
  return Math.floor(above / 255) + 1;
}

/**
 * Copies 8 or 16 bytes where `length` of them are wanted; what is too much gets overwritten. Forwards, four at a time,
 * so that a pattern of four bytes or more repeats itself.
 */
function copyFast(from: DataView, read: number, to: DataView, write: number, length: number): void {
  to.setInt32(write, from.getInt32(read, true), true);
  to.setInt32(write + 4, from.getInt32(read + 4, true), true);
  if (length <= 8) return;
  to.setInt32(write + 8, from.getInt32(read + 8, true), true);
  to.setInt32(write + 12, from.getInt32(read + 12, true), true);
}

function copyLiterals(input: DataView, read: number, output: Uint8Array, write: number, length: number): void {
  if (length > SHORT_RUN) {
    output.set(new Uint8Array(input.buffer, input.byteOffset + read, length), write);
  } else {
    for (let index = 0; index < length; index += 1) output[write + index] = input.getUint8(read + index);
  }
}

/** Repeats what stands `distance` bytes back; the two may overlap, which repeats a pattern. */
function copyMatch(output: Uint8Array, write: number, distance: number, length: number): void {
  const pattern = write - distance;
  if (length <= SHORT_RUN) {
    for (let index = 0; index < length; index += 1) output[write + index] = output[pattern + index] as number;
  } else if (distance === 1) {
    output.fill(output[pattern] as number, write, write + length);
  } else {
    // Each round copies what is there already, so the pattern doubles.
    const stop = write + length;
    for (let next = write; next < stop; ) {
      const run = Math.min(next - pattern, stop - next);
      output.copyWithin(next, pattern, pattern + run);
      next += run;
    }
  }
}
