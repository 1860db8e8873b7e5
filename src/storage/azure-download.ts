import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { isStationError, StationError } from '../errors.ts';
import type { AzureOperation } from './azure-errors.ts';
import type { AzureSession } from './azure-session.ts';
import type { ReadRange } from './object-store.ts';

/** Broken transfers in a row, without a byte between, before we give up. */
const RESUMPTIONS = 3;

interface Part {
  readonly body: Readable;
  /** Bytes this answer promised. */
  readonly length: number;
  readonly etag: string | undefined;
}

/**
 * The bytes of a blob. A transfer that breaks is taken up where it stopped, from the same blob (If-Match);
 * an end before the promised length is never taken for the end of the blob.
 */
export async function* download(
  session: AzureSession,
  key: string,
  range: ReadRange | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const operation = session.operationOn('read', key);
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
      throw brokenOff(operation, position, end);
    } catch (error) {
      signal?.throwIfAborted();
      failures += 1;
      // Once the answer has begun, whatever ends it but ourselves is the network's doing.
      const given = error instanceof StationError ? error : brokenOff(operation, position, end, error);
      if (given.code !== 'STORAGE_UNREACHABLE' || failures > RESUMPTIONS || part.etag === undefined) throw given;
    } finally {
      part.body.destroy();
    }
    await pause(100 * 2 ** failures, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    part = await request(session, key, { start: position, end }, part.etag, operation, signal);
    if (part.length !== end - position) {
      part.body.destroy();
      throw new StationError('STORAGE_BROKEN', `${operation.url} answered another range than was asked for`);
    }
  }
}

function brokenOff(operation: AzureOperation, position: number, end: number, cause?: unknown): StationError {
  const message = `${operation.url} ended after ${position} of ${end} bytes`;
  return new StationError('STORAGE_UNREACHABLE', message, cause === undefined ? {} : { cause });
}

async function request(
  session: AzureSession,
  key: string,
  range: ReadRange | undefined,
  etag: string | undefined,
  operation: AzureOperation,
  signal: AbortSignal | undefined,
): Promise<Part> {
  const start = range?.start ?? 0;
  const count = range?.end === undefined ? undefined : range.end - start;
  const answer = await session
    .send(
      (client, abort) =>
        client.getBlobClient(session.root + key).download(start, count, {
          ...abort,
          // The SDK would go on by itself, and say nothing when the blob has changed its length meanwhile.
          maxRetryRequests: 0,
          ...(etag === undefined ? {} : { conditions: { ifMatch: etag } }),
        }),
      operation,
      signal,
    )
    .catch((error: unknown) => {
      if (isStationError(error, 'STORAGE_ALREADY_EXISTS')) {
        throw new StationError('STORAGE_BROKEN', `${operation.url} was replaced while it was read`, { cause: error });
      }
      throw error;
    });
  if (answer.readableStreamBody === undefined || answer.contentLength === undefined) {
    throw new StationError('STORAGE_BROKEN', `${operation.url} was answered without a body or a length`);
  }
  const body = answer.readableStreamBody as Readable;
  const asked = start > 0 || count !== undefined;
  if (asked && answer.contentRange?.startsWith(`bytes ${start}-`) !== true) {
    body.destroy();
    throw new StationError('STORAGE_BROKEN', `${operation.url} was answered with another range than was asked for`);
  }
  if (asked && answer.contentLength === 0) {
    // Azure itself refuses this as InvalidRange; the emulator gives nothing.
    body.destroy();
    throw new StationError(
      'STORAGE_BROKEN',
      `${operation.url} is shorter than expected: nothing from byte ${start} on`,
    );
  }
  return { body, length: answer.contentLength, etag: answer.etag };
}
