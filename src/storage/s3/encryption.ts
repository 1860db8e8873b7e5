import { createHash } from 'node:crypto';
import type { PutObjectCommandInput, ServerSideEncryption } from '@aws-sdk/client-s3';
import type { S3StoreOptions } from '../store-options.ts';

type CustomerKey = Pick<PutObjectCommandInput, 'SSECustomerAlgorithm' | 'SSECustomerKey' | 'SSECustomerKeyMD5'>;
type Encryption = Pick<PutObjectCommandInput, 'ServerSideEncryption' | 'SSEKMSKeyId'>;

/** Goes with every request that touches content, reads and parts included: the store does not keep the key. */
export function customerKeyOf(options: S3StoreOptions): CustomerKey {
  const encryption = options.serverSideEncryption;
  if (encryption?.kind !== 'customer') return {};
  return {
    SSECustomerAlgorithm: encryption.algorithm,
    SSECustomerKey: encryption.keyBase64,
    SSECustomerKeyMD5: encryption.keyMd5 ?? md5OfKey(encryption.keyBase64),
  };
}

/** Goes only with the request that makes an object. */
export function encryptionOf(options: S3StoreOptions): Encryption {
  const encryption = options.serverSideEncryption;
  if (encryption === undefined || encryption.kind === 'customer') return {};
  const keyId = encryption.kind === 'aws:kms' ? encryption.keyId : undefined;
  return {
    ServerSideEncryption: encryption.kind satisfies ServerSideEncryption,
    ...(keyId === undefined ? {} : { SSEKMSKeyId: keyId }),
  };
}

function md5OfKey(keyBase64: string): string {
  return createHash('md5').update(Buffer.from(keyBase64, 'base64')).digest('base64');
}
