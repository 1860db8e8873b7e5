import { StationError } from '../../errors.ts';
import type { ReadRange } from '../object-store.ts';
import { type DownloadPart, downloadResumed, rangeHeader } from '../resumed-download.ts';
import { type GcsOperation, gcsError } from './errors.ts';
import type { GcsSession } from './session.ts';

/**
 * The bytes of an object. A transfer that breaks is taken up where it stopped, from the same generation;
 * an end before the promised length is never taken for the end of the object.
 */
export function download(
  session: GcsSession,
  key: string,
  range: ReadRange | undefined,
  signal: AbortSignal | undefined,
  seen?: (version: string | undefined) => void,
): AsyncGenerator<Uint8Array> {
  const operation: GcsOperation = {
    permission: 'storage.objects.get',
    url: `gs://${session.options.bucket}/${session.fullKey(key)}`,
  };
  return downloadResumed({
    url: operation.url,
    range,
    signal,
    seen,
    request: (part, version) => request(session, key, part, version, operation, signal),
    errorOf: (error) => gcsError(error, operation),
  });
}

async function request(
  session: GcsSession,
  key: string,
  range: ReadRange | undefined,
  generation: string | undefined,
  operation: GcsOperation,
  signal: AbortSignal | undefined,
): Promise<DownloadPart> {
  const body = await session.open(
    {
      method: 'GET',
      address: `${session.objects}/${encodeURIComponent(session.fullKey(key))}`,
      query: { alt: 'media', ...(generation === undefined ? {} : { ifGenerationMatch: generation }) },
      headers: {
        // What is stored is what is wanted, byte for byte.
        'accept-encoding': 'identity',
        ...(range === undefined ? {} : { range: rangeHeader(range) }),
      },
    },
    operation,
    signal,
  );
  const { headers } = body;
  const length = Number(headers['content-length'] ?? headers['x-goog-stored-content-length'] ?? Number.NaN);
  const begins = headers['content-range']?.startsWith(`bytes ${range?.start}-`) ?? false;
  if (Number.isNaN(length) || (range !== undefined && !begins)) {
    body.destroy();
    const what = Number.isNaN(length) ? 'without a length' : 'with another range than was asked for';
    throw new StationError('STORAGE_BROKEN', `${operation.url} was answered ${what}`);
  }
  const given = headers['x-goog-generation'];
  return { body, length, version: typeof given === 'string' ? given : undefined };
}
