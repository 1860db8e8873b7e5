import type { Readable } from 'node:stream';
import { StationError } from '../../errors.ts';
import type { ReadRange } from '../object-store.ts';
import { type DownloadPart, downloadResumed } from '../resumed-download.ts';
import type { AzureOperation } from './errors.ts';
import type { AzureSession } from './session.ts';

/**
 * The bytes of a blob. A transfer that breaks is taken up where it stopped, from the same blob (If-Match);
 * an end before the promised length is never taken for the end of the blob.
 */
export function download(
  session: AzureSession,
  key: string,
  range: ReadRange | undefined,
  signal: AbortSignal | undefined,
  seen?: (version: string | undefined) => void,
): AsyncGenerator<Uint8Array> {
  const operation = session.operationOn('read', key);
  return downloadResumed({
    url: operation.url,
    range,
    signal,
    seen,
    request: (part, version) => request(session, key, part, version, operation, signal),
    // Once the answer has begun, whatever ends it but ourselves is the network's doing.
    errorOf: (error, brokenOff) => (error instanceof StationError ? error : brokenOff(error)),
  });
}

async function request(
  session: AzureSession,
  key: string,
  range: ReadRange | undefined,
  etag: string | undefined,
  operation: AzureOperation,
  signal: AbortSignal | undefined,
): Promise<DownloadPart> {
  const start = range?.start ?? 0;
  const count = range?.end === undefined ? undefined : range.end - start;
  const answer = await session.send(
    (client, abort) =>
      client.getBlobClient(session.root + key).download(start, count, {
        ...abort,
        // The SDK would go on by itself, and say nothing when the blob has changed its length meanwhile.
        maxRetryRequests: 0,
        ...(etag === undefined ? {} : { conditions: { ifMatch: etag } }),
      }),
    operation,
    signal,
  );
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
  return { body, length: answer.contentLength, version: answer.etag };
}
