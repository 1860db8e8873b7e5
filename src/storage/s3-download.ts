import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { StationError } from '../errors.ts';
import type { ReadRange } from './object-store.ts';
import { customerKeyOf } from './s3-encryption.ts';
import { type S3Operation, s3Error, statusOf } from './s3-errors.ts';
import type { S3Session } from './s3-session.ts';

/** Broken transfers in a row, without a byte between, before we give up. */
const RESUMPTIONS = 3;

interface Part {
  readonly body: Readable;
  /** Bytes this answer promised. */
  readonly length: number;
  readonly etag: string | undefined;
}

/**
 * The bytes of an object. A transfer that breaks is taken up where it stopped, from the same object (If-Match);
 * an end before the promised length is never taken for the end of the object.
 */
export async function* download(
  session: S3Session,
  key: string,
  range: ReadRange | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const operation: S3Operation = {
    permission: 's3:GetObject',
    url: `s3://${session.options.bucket}/${session.fullKey(key)}`,
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
      const given = s3Error(error, operation);
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

async function request(
  session: S3Session,
  key: string,
  range: ReadRange | undefined,
  etag: string | undefined,
  operation: S3Operation,
  signal: AbortSignal | undefined,
): Promise<Part> {
  const command = new GetObjectCommand({
    Bucket: session.options.bucket,
    Key: session.fullKey(key),
    ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}` }),
    ...(etag === undefined ? {} : { IfMatch: etag }),
    ...customerKeyOf(session.options),
  });
  const answer = await session
    .send((client, abort) => client.send(command, abort), operation, signal)
    .catch((error: unknown) => {
      if (error instanceof StationError && statusOf(error.cause) === 412) {
        throw new StationError('STORAGE_BROKEN', `${operation.url} was replaced while it was read`, { cause: error });
      }
      throw error;
    });
  if (answer.Body === undefined || answer.ContentLength === undefined) {
    throw new StationError('STORAGE_BROKEN', `${operation.url} was answered without a body or a length`);
  }
  const body = answer.Body as Readable;
  if (range !== undefined && answer.ContentRange?.startsWith(`bytes ${range.start}-`) !== true) {
    body.destroy();
    throw new StationError('STORAGE_BROKEN', `${operation.url} was answered with another range than was asked for`);
  }
  return { body, length: answer.ContentLength, etag: answer.ETag };
}
