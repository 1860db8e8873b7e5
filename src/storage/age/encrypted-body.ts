import { bytes } from '../../quantities.ts';
import { readBody } from '../object-body.ts';
import type { ObjectBody } from '../object-store.ts';
import { CHUNK_SIZE, encryptedSize, PROLOGUE_SIZE, SEALED_CHUNK_SIZE } from './format.ts';
import type { SealedFile } from './header.ts';
import { sealChunk } from './payload.ts';
import { inPieces } from './pieces.ts';

/**
 * A body's bytes, encrypted as they are read, a chunk at a time. Every reading gives the same bytes, so a store may ask
 * for parts and try again; that is safe as long as `body` keeps its own promise of always giving the same.
 */
export function encryptedBody(body: ObjectBody, file: SealedFile): ObjectBody {
  const size = encryptedSize(body.size);
  return {
    size: bytes(size),
    open: (range) => encryptPart(body, file, range?.start ?? 0, Math.min(range?.end ?? size, size)),
  };
}

async function* encryptPart(
  body: ObjectBody,
  file: SealedFile,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  if (start < PROLOGUE_SIZE && start < end) yield file.prologue.subarray(start, Math.min(end, PROLOGUE_SIZE));
  if (end <= Math.max(start, PROLOGUE_SIZE)) return;
  const from = Math.max(start - PROLOGUE_SIZE, 0);
  const to = end - PROLOGUE_SIZE;
  let index = Math.floor(from / SEALED_CHUNK_SIZE);
  const content = {
    start: index * CHUNK_SIZE,
    end: Math.min(body.size, Math.ceil(to / SEALED_CHUNK_SIZE) * CHUNK_SIZE),
  };
  const part = (sealed: Uint8Array): Uint8Array => {
    const offset = index * SEALED_CHUNK_SIZE;
    return sealed.subarray(Math.max(from - offset, 0), to - offset);
  };
  for await (const chunk of inPieces(readBody(body, content), CHUNK_SIZE)) {
    yield part(sealChunk(file.key, index, (index + 1) * CHUNK_SIZE >= body.size, chunk));
    index += 1;
  }
  if (body.size === 0) yield part(sealChunk(file.key, 0, true, new Uint8Array()));
}
