import type { StorageClass } from '@aws-sdk/client-s3';
import { StationError } from '../../errors.ts';
import type { PutOptions } from '../object-store.ts';
import { customerKeyOf, encryptionOf } from './encryption.ts';
import type { S3Operation } from './errors.ts';
import type { S3Session } from './session.ts';

export function operationOf(session: S3Session, key: string): S3Operation {
  return { permission: 's3:PutObject', url: `s3://${session.options.bucket}/${session.fullKey(key)}` };
}

/** What the object will be, beside its bytes: said where it is made, by the first request in either way. */
export function propertiesOf(session: S3Session, options: PutOptions) {
  const { storageClass } = session.options;
  return {
    ...encryptionOf(session.options),
    ...customerKeyOf(session.options),
    ...(storageClass === undefined ? {} : { StorageClass: storageClass as StorageClass }),
    ...(options.timestamp === undefined
      ? {}
      : { Metadata: { 'litestream-timestamp': new Date(options.timestamp).toISOString() } }),
  };
}

export const conditionOf = (options: PutOptions) => (options.createOnly ? { IfNoneMatch: '*' } : {});

/** Whatever else answers 200 to anything (a login page, a console's port) has stored nothing. */
export function checkStored(etag: string | undefined, operation: S3Operation): void {
  if (etag !== undefined) return;
  throw new StationError('STORAGE_BROKEN', `the endpoint answers, but not as S3 does: no ETag for ${operation.url}`, {
    hint: 'check the endpoint: its host, its port, and what stands before it',
  });
}
