import { describe, expect, it } from 'vitest';
import { pricedStore } from '../../src/cost/priced-store.ts';
import { bytes } from '../../src/quantities.ts';
import { abs, folder, gs, s3 } from './stores.ts';

const nameOf = (...[store, environment = {}]: [Parameters<typeof pricedStore>[0], Record<string, string>?]) =>
  pricedStore(store, environment).name;
const connection = (connectionString: string) => abs({ credentials: { kind: 'connection-string', connectionString } });

describe('whose prices count is told by type and endpoint', () => {
  it.each([
    [s3(), 'AWS S3 Standard, us-east-1'],
    [s3({ endpoint: 'https://s3.eu-west-1.amazonaws.com' }), 'AWS S3 Standard, us-east-1'],
    [s3({ endpoint: 'https://account.r2.cloudflarestorage.com' }), 'Cloudflare R2 Standard'],
    [s3({ endpoint: 'https://fly.storage.tigris.dev' }), 'Tigris Standard'],
    [s3({ endpoint: 'https://s3.us-west-004.backblazeb2.com' }), 'Backblaze B2'],
    [gs(), 'Google Cloud Storage Standard, us-central1'],
    [abs(), 'Azure Blob Hot LRS, East US'],
    [abs({ endpoint: 'https://account.blob.core.windows.net' }), 'Azure Blob Hot LRS, East US'],
    [connection('AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net'), 'Azure Blob Hot LRS, East US'],
  ])('%#', (store, name) => {
    expect(pricedStore(store, {})).toMatchObject({ name, prices: { name } });
  });

  it.each([
    [s3({ endpoint: 'http://localhost:9000' })],
    [s3({ endpoint: 'https://fra1.digitaloceanspaces.com' })],
    [gs({ endpoint: 'http://localhost:4443' })],
    [abs({ endpoint: 'http://127.0.0.1:10000/account' })],
    [connection('UseDevelopmentStorage=true')],
    [connection('AccountName=a;BlobEndpoint=http://127.0.0.1:10000/a')],
  ])('no prices are made up for a server that is not in the list: %#', (store) => {
    expect(pricedStore(store, {})).toMatchObject({ prices: undefined, hasRequests: true });
  });

  it('also where the environment names the server', () => {
    expect(nameOf(s3(), { AWS_ENDPOINT_URL_S3: 'https://a.r2.cloudflarestorage.com' })).toBe('Cloudflare R2 Standard');
    expect(pricedStore(gs(), { STORAGE_EMULATOR_HOST: 'localhost:1' }).prices).toBeUndefined();
  });

  it('a folder makes no requests', () => {
    expect(pricedStore(folder, {})).toMatchObject({ hasRequests: false, prices: undefined });
  });
});

describe('what an upload comes to', () => {
  it('is a listing more where the store refuses create-only puts', () => {
    expect(pricedStore(s3({ endpoint: 'https://s3.us-west-004.backblazeb2.com' }), {}).listsPerUpload).toBe(1);
    expect(pricedStore(s3(), {}).listsPerUpload).toBe(0);
  });

  it('goes by the replica’s own part size; on Google Cloud Storage any upload is one operation', () => {
    expect(pricedStore(s3({ partSize: bytes(5 << 20) }), {}).partSize).toBe(5 << 20);
    expect(pricedStore(s3(), {}).partSize).toBe(8 << 20);
    expect(pricedStore(gs(), {}).partSize).toBeUndefined();
  });

  it('is told to be counted as Standard for another storage class', () => {
    expect(pricedStore(s3({ storageClass: 'STANDARD_IA' }), {}).note).toContain('STANDARD_IA is counted as Standard');
    expect(pricedStore(s3({ storageClass: 'STANDARD' }), {}).note).toBeUndefined();
  });
});
