import { expect, it } from 'vitest';
import { addressOf } from '../../src/doctor/store-address.ts';
import type { AzureStoreOptions, GcsStoreOptions, S3StoreOptions } from '../../src/storage/store-options.ts';
import { s3Options } from '../storage/s3/backend.ts';

const s3 = (changes: Partial<S3StoreOptions>) =>
  s3Options({ url: 'http://unused', accessKeyId: 'a', secretAccessKey: 's' }, { endpoint: undefined, ...changes });
const azure = (changes: Partial<AzureStoreOptions>): AzureStoreOptions => ({
  type: 'abs',
  container: 'c',
  path: '',
  accountName: 'account',
  endpoint: undefined,
  credentials: undefined,
  ...changes,
});
const gcs: GcsStoreOptions = { type: 'gs', bucket: 'b', path: '', endpoint: undefined, credentials: undefined };
const connectionString = (text: string) =>
  azure({ credentials: { kind: 'connection-string', connectionString: text } });

it.each([
  ['AWS', s3({ bucket: 'b', region: 'eu-west-1' }), 'b.s3.eu-west-1.amazonaws.com:443 tls'],
  ['AWS in China', s3({ bucket: 'b', region: 'cn-north-1' }), 'b.s3.cn-north-1.amazonaws.com.cn:443 tls'],
  ['a bucket with dots', s3({ bucket: 'b.c', region: 'us-east-1' }), 's3.us-east-1.amazonaws.com:443 tls'],
  ['MinIO', s3({ endpoint: 'http://minio:9000' }), 'minio:9000 plain'],
  ['an IPv6 address', s3({ endpoint: 'http://[::1]:9000' }), '::1:9000 plain'],
  [
    'Spaces',
    s3({ bucket: 'b', endpoint: 'https://fra1.digitaloceanspaces.com' }),
    'b.fra1.digitaloceanspaces.com:443 tls',
  ],
  ['Google', gcs, 'storage.googleapis.com:443 tls'],
  ['an Azure account', azure({}), 'account.blob.core.windows.net:443 tls'],
  ['an Azure endpoint', azure({ endpoint: 'http://127.0.0.1:10000/account' }), '127.0.0.1:10000 plain'],
  [
    'Azure in China',
    connectionString('AccountName=a;AccountKey=k==;EndpointSuffix=core.chinacloudapi.cn'),
    'a.blob.core.chinacloudapi.cn:443 tls',
  ],
  ['Azurite', connectionString('AccountName=a;AccountKey=k==;BlobEndpoint=http://azurite:1/a;'), 'azurite:1 plain'],
])('%s is at %s', (_, store, expected) => {
  const address = addressOf(store, {});
  if (address?.kind !== 'server') throw new Error(`no server: ${address?.kind}`);
  expect(`${address.host}:${address.port} ${address.tls ? 'tls' : 'plain'}`).toBe(expected);
});

it('a proxy stands before Google and Azure, not before S3', () => {
  const environment = { HTTPS_PROXY: 'http://proxy:3128' };
  expect(addressOf(gcs, environment)).toEqual({ kind: 'proxy', variable: 'HTTPS_PROXY' });
  expect(addressOf(azure({}), environment)).toEqual({ kind: 'proxy', variable: 'HTTPS_PROXY' });
  expect(addressOf(s3({ region: 'us-east-1' }), environment)).toMatchObject({ kind: 'server' });
});
