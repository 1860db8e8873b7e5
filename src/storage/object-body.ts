import { open } from 'node:fs/promises';
import { StationError } from '../errors.ts';
import { bytes } from '../quantities.ts';
import type { ObjectBody, ObjectStore } from './object-store.ts';

/** How much of a file is in memory at a time. */
const CHUNK_SIZE = 64 * 1024;

export function bodyFromBytes(content: Uint8Array): ObjectBody {
  return {
    size: bytes(content.byteLength),
    async *open(range) {
      const part = range === undefined ? content : content.subarray(range.start, range.end);
      if (part.byteLength > 0) yield part;
    },
  };
}

/**
 * The first `size` bytes of a file, read in pieces each time they are asked for.
 * Reading throws StationError STAGING_FAILED where the file cannot be read or has become shorter than `size`.
 */
export function bodyFromFile(path: string, size: number): ObjectBody {
  return {
    size: bytes(size),
    open: (range) => readFilePart(path, range?.start ?? 0, range?.end ?? size),
  };
}

async function* readFilePart(path: string, start: number, end: number): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  try {
    for (let position = start; position < end; ) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_SIZE, end - position));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position).catch((cause: unknown) => {
        throw unreadable(path, cause);
      });
      if (bytesRead === 0) {
        throw new StationError('STAGING_FAILED', `${path} ends after ${position} bytes, ${end} were expected`);
      }
      yield chunk.subarray(0, bytesRead);
      position += bytesRead;
    }
  } finally {
    await file.close();
  }
}

function unreadable(path: string, cause: unknown): StationError {
  return new StationError('STAGING_FAILED', `cannot read ${path}: ${String(cause)}`, { cause });
}

/**
 * The bytes of a body, with its promise kept: exactly `size` of them, in no more than one object.
 * @throws StationError STAGING_FAILED where it gives more or fewer
 */
export async function* readBody(
  body: ObjectBody,
  range: { readonly start: number; readonly end: number } = { start: 0, end: body.size },
): AsyncGenerator<Uint8Array> {
  const expected = range.end - range.start;
  let given = 0;
  for await (const chunk of body.open(range)) {
    given += chunk.byteLength;
    if (given > expected) break;
    yield chunk;
  }
  if (given !== expected) {
    throw new StationError('STAGING_FAILED', `an upload's source does not hold the ${expected} bytes it promised`);
  }
}

/** Fills `buffer` from its start; the part of it that was filled. */
export async function readPart(
  body: ObjectBody,
  start: number,
  end: number,
  buffer: Buffer,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  let filled = 0;
  for await (const chunk of readBody(body, { start, end })) {
    signal?.throwIfAborted();
    buffer.set(chunk, filled);
    filled += chunk.byteLength;
  }
  return buffer.subarray(0, filled);
}

/**
 * A whole object in memory, for those known to be small.
 * @param limit bytes at most
 * @throws StationError STORAGE_BROKEN past the limit, and what `store.get` throws
 */
export async function readAll(
  store: ObjectStore,
  key: string,
  limit: number,
  signal?: AbortSignal,
): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of store.get(key, signal === undefined ? {} : { signal })) {
    size += chunk.byteLength;
    if (size > limit) throw new StationError('STORAGE_BROKEN', `${store.url}/${key} is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
