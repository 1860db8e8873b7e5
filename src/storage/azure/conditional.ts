import { isStationError } from '../../errors.ts';
import { checkSmall, inAnotherState, readVersioned, versionOf } from '../conditional-object.ts';
import type { ConditionalObject } from '../object-store.ts';
import { download } from './download.ts';
import { wordOf } from './errors.ts';
import { checkStored, putOperation } from './put.ts';
import type { AzureSession } from './session.ts';

/** Compare-and-swap by ETag, which Azure makes anew for every write. */
export function azureConditional(session: AzureSession, key: string): ConditionalObject {
  const { url } = session.operationOn('read', key);
  return {
    read: async (signal) => {
      try {
        return await readVersioned(url, (seen) => download(session, key, undefined, signal, seen));
      } catch (error) {
        // A container that is missing is no answer to what was asked.
        if (isMissingBlob(error)) return undefined;
        throw error;
      }
    },
    write: async (bytes, expected, signal) => {
      checkSmall(url, bytes);
      const operation = putOperation(session, key, { createOnly: expected === undefined });
      const conditions = expected === undefined ? { ifNoneMatch: '*' } : { ifMatch: expected };
      const send = session.send(
        (client, abort) =>
          client.getBlockBlobClient(session.root + key).upload(Buffer.from(bytes), bytes.byteLength, {
            blobHTTPHeaders: { blobContentType: 'application/octet-stream' },
            conditions,
            ...abort,
          }),
        operation,
        signal,
      );
      const { etag } = await send.catch((error: unknown) => {
        throw expected !== undefined && isMissingBlob(error) ? inAnotherState(url, error) : error;
      });
      checkStored(etag, operation);
      return versionOf(url, etag);
    },
  };
}

function isMissingBlob(error: unknown): boolean {
  return isStationError(error, 'STORAGE_NOT_FOUND') && wordOf(error.cause) === 'BlobNotFound';
}
