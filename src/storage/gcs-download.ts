import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { isStationError, StationError } from '../errors.ts';
import { type GcsOperation, gcsError } from './gcs-errors.ts';
import type { GcsSession } from './gcs-session.ts';
import type { ReadRange } from './object-store.ts';

/** Broken transfers in a row, without a byte between, before we give up. */
const RESUMPTIONS = 3;

interface Part {
  readonly body: IncomingMessage;
  /** Bytes this answer promised. */
  readonly length: number;
  readonly generation: string | undefined;
}

/**
 * The bytes of an object. A transfer that breaks is taken up where it stopped, from the same generation;
 * an end before the promised length is never taken for the end of the object.
 */
export async function* download(
  session: GcsSession,
  key: string,
  range: ReadRange | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const operation: GcsOperation = {
    permission: 'storage.objects.get',
    url: `gs://${session.options.bucket}/${session.fullKey(key)}`,
  };
  if (range?.end !== undefined && range.end <= range.start) return;
  let position = range?.start ?? 0;
  let part = await request(session, key, range, undefined, operation, signal);
  const end = position + part.length;
  for (let failures = 0; ; ) {
    try {
      for await (const chunk of part.body as AsyncIterable<Uint8Array>) {
        position += chunk.byteLength;
        failures = 0;
        if (position > end) throw new StationError('STORAGE_BROKEN', `${operation.url} gave more than it promised`);
        yield chunk;
      }
      if (position === end) return;
      throw new StationError('STORAGE_UNREACHABLE', `${operation.url} ended after ${position} of ${end} bytes`);
    } catch (error) {
      signal?.throwIfAborted();
      failures += 1;
      const given = gcsError(error, operation);
      if (given.code !== 'STORAGE_UNREACHABLE' || failures > RESUMPTIONS || part.generation === undefined) throw given;
    } finally {
      part.body.destroy();
    }
    await pause(100 * 2 ** failures, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    part = await request(session, key, { start: position, end }, part.generation, operation, signal);
    if (part.length !== end - position) {
      part.body.destroy();
      throw new StationError('STORAGE_BROKEN', `${operation.url} answered another range than was asked for`);
    }
  }
}

async function request(
  session: GcsSession,
  key: string,
  range: ReadRange | undefined,
  generation: string | undefined,
  operation: GcsOperation,
  signal: AbortSignal | undefined,
): Promise<Part> {
  const body = await session
    .open(
      {
        method: 'GET',
        address: `${session.objects}/${encodeURIComponent(session.fullKey(key))}`,
        query: { alt: 'media', ...(generation === undefined ? {} : { ifGenerationMatch: generation }) },
        headers: {
          // What is stored is what is wanted, byte for byte.
          'accept-encoding': 'identity',
          ...(range === undefined
            ? {}
            : { range: `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}` }),
        },
      },
      operation,
      signal,
    )
    .catch((error: unknown) => {
      if (isStationError(error, 'STORAGE_ALREADY_EXISTS')) {
        throw new StationError('STORAGE_BROKEN', `${operation.url} was replaced while it was read`, { cause: error });
      }
      throw error;
    });
  const { headers } = body;
  const length = Number(headers['content-length'] ?? headers['x-goog-stored-content-length'] ?? Number.NaN);
  const begins = headers['content-range']?.startsWith(`bytes ${range?.start}-`) ?? false;
  if (Number.isNaN(length) || (range !== undefined && !begins)) {
    body.destroy();
    const what = Number.isNaN(length) ? 'without a length' : 'with another range than was asked for';
    throw new StationError('STORAGE_BROKEN', `${operation.url} was answered ${what}`);
  }
  const given = headers['x-goog-generation'];
  return { body, length, generation: typeof given === 'string' ? given : undefined };
}
