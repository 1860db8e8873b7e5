import { LtxDecoder, type LtxTrailer } from '../../src/ltx/decoder.ts';
import type { LtxHeader } from '../../src/ltx/header.ts';

export interface DecodedFile {
  readonly header: LtxHeader | undefined;
  /** Copies: the decoder's own are valid only for a moment. */
  readonly pages: ReadonlyMap<number, Buffer>;
  readonly trailer: LtxTrailer;
}

/** Decodes a whole file in chunks of one size. Every chunk is wiped after it was pushed, as its owner might do. */
export function readFile(file: Uint8Array, chunkSize: number = file.length): DecodedFile {
  const decoder = new LtxDecoder();
  const pages = new Map<number, Buffer>();
  for (let start = 0; start < file.length; start += chunkSize) {
    const chunk = Uint8Array.from(file.subarray(start, start + chunkSize));
    for (const page of decoder.push(chunk)) pages.set(page.number, Buffer.from(page.data));
    chunk.fill(0xaa);
  }
  return { trailer: decoder.finish(), header: decoder.header, pages };
}

export async function* inChunks(file: Uint8Array, chunkSize: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < file.length; start += chunkSize) yield file.subarray(start, start + chunkSize);
}
