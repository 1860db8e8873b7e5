import { StationError } from '../errors.ts';
import { type PageNumber, pageNumber } from '../quantities.ts';
import { HEADER_SIZE } from './header.ts';

const END_MARKER_SIZE = 6;
/** What follows the index: its size (8 bytes), and the trailer. The last 24 bytes of a file lead to its index. */
export const INDEX_FOOTER_SIZE = 24;
/** Three varints of at most 10 bytes each. */
export const MAX_ENTRY_SIZE = 30;

/** Where one page frame lies in its file, in bytes. */
export interface PageLocation {
  readonly number: PageNumber;
  readonly offset: number;
  readonly length: number;
}

/** Writes one unsigned LEB128 number; answers the position behind it. Not with shifts: offsets pass 32 bits. */
export function writeVarint(target: Uint8Array, position: number, value: number): number {
  let rest = value;
  let next = position;
  while (rest >= 128) {
    target[next] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
    next += 1;
  }
  target[next] = rest;
  return next + 1;
}

/** Writes one index entry; answers the position behind it. */
export function writeEntry(
  target: Uint8Array,
  position: number,
  number: number,
  offset: number,
  length: number,
): number {
  return writeVarint(target, writeVarint(target, writeVarint(target, position, number), offset), length);
}

/** The index of pages in ascending order, with its closing 0 and without its size field. */
export function encodePageIndex(pages: Iterable<PageLocation>): Uint8Array {
  const bytes: number[] = [];
  const entry = new Uint8Array(MAX_ENTRY_SIZE);
  for (const page of pages) {
    const end = writeEntry(entry, 0, page.number, page.offset, page.length);
    for (let position = 0; position < end; position += 1) bytes.push(entry[position] as number);
  }
  bytes.push(0);
  return Uint8Array.from(bytes);
}

/** The entries of an index, as `encodePageIndex` writes it. Throws LTX_INVALID or LTX_TRUNCATED for anything else. */
export function* decodePageIndex(index: Uint8Array): Generator<PageLocation> {
  const reader = new VarintReader(index);
  let last = 0;
  let end = HEADER_SIZE;
  for (;;) {
    const number = reader.next();
    if (number === 0) break;
    const offset = reader.next();
    const length = reader.next();
    if (number <= last || number > 0xffffffff) throw invalid(`page ${number} follows page ${last}`);
    if (offset < end) throw invalid(`page ${number} at byte ${offset} overlaps what is before it`);
    last = number;
    end = offset + length;
    yield { number: pageNumber(number), offset, length };
  }
  if (reader.position !== index.length) throw invalid('bytes follow its end');
}

/**
 * Where a file's page index lies, from its last bytes (at least 24 of them) and its size: `[start, end)` in bytes.
 * Throws LTX_INVALID if the size it states cannot be right, LTX_TRUNCATED if the file is too short to have one.
 */
export function locatePageIndex(tail: Uint8Array, fileSize: number): { readonly start: number; readonly end: number } {
  const end = fileSize - INDEX_FOOTER_SIZE;
  const largest = end - HEADER_SIZE - END_MARKER_SIZE;
  if (largest < 1 || tail.length < INDEX_FOOTER_SIZE) {
    throw new StationError('LTX_TRUNCATED', `${fileSize} bytes are too few for an LTX file`);
  }
  const view = new DataView(tail.buffer, tail.byteOffset + tail.length - INDEX_FOOTER_SIZE, 8);
  const size = Number(view.getBigUint64(0));
  if (size < 1 || size > largest) throw invalid(`its size ${size} does not fit the file`);
  return { start: end - size, end };
}

/**
 * Finds one page from the last bytes of a file. Undefined if the file does not hold it. Where the tail does not
 * reach back to the start of the index, the answer is the number of bytes a longer one must have.
 */
export function findPage(
  tail: Uint8Array,
  fileSize: number,
  number: PageNumber,
): PageLocation | { readonly tailSize: number } | undefined {
  const { start, end } = locatePageIndex(tail, fileSize);
  const tailStart = fileSize - tail.length;
  if (start < tailStart) return { tailSize: fileSize - start };
  for (const page of decodePageIndex(tail.subarray(start - tailStart, end - tailStart))) {
    if (page.number !== number) continue;
    if (page.offset + page.length > start - END_MARKER_SIZE) throw invalid(`page ${number} reaches past the pages`);
    return page;
  }
  return undefined;
}

class VarintReader {
  readonly #bytes: Uint8Array;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  next(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#bytes[this.position];
      if (byte === undefined) throw new StationError('LTX_TRUNCATED', 'the page index ends within an entry');
      this.position += 1;
      value += (byte & 127) * scale;
      if (value > Number.MAX_SAFE_INTEGER || scale > 2 ** 63) throw invalid('a number in it is out of range');
      if (byte < 128) return value;
      scale *= 128;
    }
  }
}

function invalid(what: string): StationError {
  return new StationError('LTX_INVALID', `the page index is wrong: ${what}`);
}
