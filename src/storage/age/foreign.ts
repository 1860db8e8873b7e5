import { StationError } from '../../errors.ts';
import { noIdentityFits } from './encrypted-errors.ts';
import { headerEnd, NONCE_SIZE, SEALED_CHUNK_SIZE } from './format.ts';
import type { AgeCipher } from './header.ts';
import { openChunk } from './payload.ts';
import { inPieces } from './pieces.ts';

/** No header is longer: some thousand recipients. */
const MOST_HEADER = 256 * 1024;

/**
 * The content of an age file that another program wrote, as it arrives. Nothing is given that is not proven, but for
 * the end: a file cut short is noticed where it stops.
 * @param name for messages
 * @throws StationError STORAGE_DENIED where no identity fits, LEGACY_DAMAGED, and what `sealed` throws
 */
export async function* decryptForeign(
  cipher: AgeCipher,
  sealed: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  const source = sealed[Symbol.asyncIterator]();
  try {
    const { header, nonce, rest } = await readPrologue(source, name);
    const key = await cipher.unsealHeader(header, nonce).catch((cause: unknown) => {
      throw damaged(name, 'has a damaged age header', cause);
    });
    if (key === undefined) throw noIdentityFits(name);
    let index = 0;
    let held: Uint8Array | undefined;
    for await (const chunk of inPieces(continued(rest, source), SEALED_CHUNK_SIZE)) {
      if (held !== undefined) {
        yield opened(openChunk(key, index, false, held), name, index);
        index += 1;
      }
      held = chunk;
    }
    if (held === undefined) throw damaged(name, 'ends before its first chunk');
    const last = openChunk(key, index, true, held);
    if (last === undefined && openChunk(key, index, false, held) !== undefined) {
      throw damaged(name, `ends after chunk ${index}, which is not its last`);
    }
    yield opened(last, name, index);
  } finally {
    await source.return?.();
  }
}

async function readPrologue(source: AsyncIterator<Uint8Array>, name: string) {
  let read = Buffer.alloc(0);
  for (;;) {
    const end = headerEnd(read);
    if (end !== undefined && read.byteLength >= end + NONCE_SIZE) {
      const nonceEnd = end + NONCE_SIZE;
      return { header: read.subarray(0, end), nonce: read.subarray(end, nonceEnd), rest: read.subarray(nonceEnd) };
    }
    if (end === undefined && read.byteLength > MOST_HEADER) throw damaged(name, 'has an age header without an end');
    const next = await source.next();
    if (next.done === true) throw damaged(name, `ends within its age header, after ${read.byteLength} bytes`);
    read = Buffer.concat([read, next.value]);
  }
}

async function* continued(first: Uint8Array, source: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.byteLength > 0) yield first;
  for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value;
}

function opened(content: Buffer | undefined, name: string, index: number): Buffer {
  if (content === undefined) throw damaged(name, `is damaged: its encrypted chunk ${index} is not what was written`);
  return content;
}

function damaged(name: string, what: string, cause?: unknown): StationError {
  return new StationError('LEGACY_DAMAGED', `${name} ${what}`, { cause });
}
