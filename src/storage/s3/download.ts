import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { StationError } from '../../errors.ts';
import type { ReadRange } from '../object-store.ts';
import { type DownloadPart, downloadResumed, rangeHeader } from '../resumed-download.ts';
import { customerKeyOf } from './encryption.ts';
import { type S3Operation, s3Error } from './errors.ts';
import type { S3Session } from './session.ts';

/**
 * The bytes of an object. A transfer that breaks is taken up where it stopped, from the same object (If-Match);
 * an end before the promised length is never taken for the end of the object.
 */
export function download(
  session: S3Session,
  key: string,
  range: ReadRange | undefined,
  signal: AbortSignal | undefined,
  seen?: (version: string | undefined) => void,
): AsyncGenerator<Uint8Array> {
  const operation: S3Operation = {
    permission: 's3:GetObject',
    url: `s3://${session.options.bucket}/${session.fullKey(key)}`,
    customerKey: session.options.serverSideEncryption?.kind === 'customer',
  };
  return downloadResumed({
    url: operation.url,
    range,
    signal,
    seen,
    request: (part, version) => request(session, key, part, version, operation, signal),
    errorOf: (error) => s3Error(error, operation),
  });
}

async function request(
  session: S3Session,
  key: string,
  range: ReadRange | undefined,
  etag: string | undefined,
  operation: S3Operation,
  signal: AbortSignal | undefined,
): Promise<DownloadPart> {
  const command = new GetObjectCommand({
    Bucket: session.options.bucket,
    Key: session.fullKey(key),
    ...(range === undefined ? {} : { Range: rangeHeader(range) }),
    ...(etag === undefined ? {} : { IfMatch: etag }),
    ...customerKeyOf(session.options),
  });
  const answer = await session.send((client, abort) => client.send(command, abort), operation, signal);
  if (answer.Body === undefined || answer.ContentLength === undefined) {
    throw new StationError('STORAGE_BROKEN', `${operation.url} was answered without a body or a length`);
  }
  const body = answer.Body as Readable;
  if (range !== undefined && answer.ContentRange?.startsWith(`bytes ${range.start}-`) !== true) {
    body.destroy();
    throw new StationError('STORAGE_BROKEN', `${operation.url} was answered with another range than was asked for`);
  }
  return { body, length: answer.ContentLength, version: answer.ETag };
}
