import { StationError } from '../../errors.ts';
import type { PutOptions } from '../object-store.ts';
import type { AzureOperation } from './errors.ts';
import type { AzureSession } from './session.ts';

export function putOperation(
  session: AzureSession,
  key: string,
  options: Pick<PutOptions, 'createOnly'>,
): AzureOperation {
  return { ...session.operationOn('write', key), createOnly: options.createOnly };
}

/**
 * What the blob will be, beside its bytes, and on which condition: said by the request that makes it. Its tier is the
 * account's own, because an account of premium block blobs refuses to be told one.
 */
export function propertiesOf(options: PutOptions) {
  return {
    blobHTTPHeaders: { blobContentType: 'application/octet-stream' },
    ...(options.createOnly ? { conditions: { ifNoneMatch: '*' } } : {}),
    ...(options.timestamp === undefined
      ? {}
      : { metadata: { litestreamtimestamp: new Date(options.timestamp).toISOString() } }),
  };
}

/** Whatever else answers 201 to anything has stored nothing. */
export function checkStored(etag: string | undefined, operation: AzureOperation): void {
  if (etag !== undefined) return;
  throw new StationError(
    'STORAGE_BROKEN',
    `the endpoint answers, but not as Azure does: no ETag for ${operation.url}`,
    { hint: 'check the endpoint: its host, its port, and what stands before it' },
  );
}
