/** Shortest and longest run copied byte by byte; beyond it the built-in copy is faster. */
const SHORT_RUN = 32;

/** The most bytes an LZ4 block of `length` bytes of content can take: no compressor writes more. */
export function maxBlockSize(length: number): number {
  return length + Math.floor(length / 255) + 16;
}

/**
 * Decompresses one raw LZ4 block, `input[from…to)`, into `output[start…end)`. Matches may reach back to `window` and
 * no further. Answers the position behind the last byte written, or -1 if the block is malformed or does not fit.
 *
 * Written here and not left to the library: damaged input must neither be believed about its own size nor make
 * allocations, and blocks of one frame may depend on each other.
 */
export function decodeBlock(
  input: Uint8Array,
  from: number,
  to: number,
  output: Uint8Array,
  start: number,
  end: number,
  window: number,
): number {
  let read = from;
  let write = start;
  while (read < to) {
    const token = input[read++] as number;
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        if (read >= to) return -1;
        more = input[read++] as number;
        literals += more;
      }
    }
    if (literals > to - read || literals > end - write) return -1;
    if (literals <= SHORT_RUN) {
      for (const stop = read + literals; read < stop; ) output[write++] = input[read++] as number;
    } else {
      output.set(input.subarray(read, read + literals), write);
      read += literals;
      write += literals;
    }
    // The last sequence is literals only.
    if (read === to) return write;
    if (to - read < 2) return -1;
    const distance = (input[read] as number) | ((input[read + 1] as number) << 8);
    read += 2;
    let length = (token & 15) + 4;
    if (length === 19) {
      let more = 255;
      while (more === 255) {
        if (read >= to) return -1;
        more = input[read++] as number;
        length += more;
      }
    }
    if (distance === 0 || distance > write - window || length > end - write) return -1;
    write = copyMatch(output, write, distance, length);
  }
  return -1;
}

/** Repeats what stands `distance` bytes back; the two may overlap, which repeats a pattern. */
function copyMatch(output: Uint8Array, at: number, distance: number, length: number): number {
  let write = at;
  const stop = at + length;
  if (length <= SHORT_RUN) {
    for (let read = at - distance; write < stop; ) output[write++] = output[read++] as number;
    return stop;
  }
  if (distance === 1) {
    output.fill(output[at - 1] as number, at, stop);
    return stop;
  }
  // Each round copies what is there already, so the pattern doubles.
  const pattern = at - distance;
  while (write < stop) {
    const run = Math.min(write - pattern, stop - write);
    output.copyWithin(write, pattern, pattern + run);
    write += run;
  }
  return stop;
}
