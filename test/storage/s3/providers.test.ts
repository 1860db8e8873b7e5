import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { resolveS3Endpoint } from '../../../src/storage/s3/endpoint.ts';
import { aws, recognizeS3Provider, s3Providers } from '../../../src/storage/s3/providers.ts';
import { s3Options } from './backend.ts';

const nowhere = { url: 'http://unused', accessKeyId: 'a', secretAccessKey: 's' };
const resolved = (endpoint: string, changes = {}) =>
  resolveS3Endpoint(s3Options(nowhere, { endpoint, ...changes }), { AWS_REGION: 'eu-west-1' });

it.each([
  ['https://0123abcd.r2.cloudflarestorage.com', 'Cloudflare R2', 'auto', true],
  ['https://0123abcd.eu.r2.cloudflarestorage.com', 'Cloudflare R2', 'auto', true],
  ['https://fly.storage.tigris.dev', 'Tigris', 'auto', true],
  ['https://t3.storage.dev', 'Tigris', 'auto', true],
  ['https://s3.us-west-004.backblazeb2.com', 'Backblaze B2', 'us-west-004', true],
  ['https://fra1.digitaloceanspaces.com', 'DigitalOcean Spaces', 'fra1', false],
  ['https://fsn1.your-objectstorage.com', 'Hetzner Object Storage', 'fsn1', true],
  ['https://s3.eu-central-1.wasabisys.com', 'Wasabi', 'eu-central-1', true],
  ['https://s3.wasabisys.com', 'Wasabi', 'us-east-1', true],
  ['https://s3.fr-par.scw.cloud', 'Scaleway', 'fr-par', true],
  ['https://abcdefgh.supabase.co/storage/v1/s3', 'Supabase Storage', 'us-east-1', true],
  ['https://abcdefgh.storage.supabase.co/storage/v1/s3', 'Supabase Storage', 'us-east-1', true],
  ['https://ns.compat.objectstorage.eu-frankfurt-1.oraclecloud.com', 'Oracle Cloud (OCI)', 'eu-frankfurt-1', true],
  ['https://storage.googleapis.com', 'Google Cloud Storage (its S3 interface)', 'auto', true],
  ['https://s3.gra.io.cloud.ovh.net', 'OVHcloud', 'gra', true],
  ['https://sos-ch-gva-2.exo.io', 'Exoscale', 'ch-gva-2', true],
  ['https://us-east-1.linodeobjects.com', 'Akamai (Linode) Object Storage', 'us-east-1', true],
  ['https://oss-cn-hangzhou.aliyuncs.com', 'Alibaba Cloud OSS (its S3 interface)', 'cn-hangzhou', false],
  ['http://minio:9000', 'S3-compatible store', 'us-east-1', true],
  ['https://r2.cloudflarestorage.com.evil.example', 'S3-compatible store', 'us-east-1', true],
])('%s is %s: region %s, path style %s', (endpoint, name, region, pathStyle) => {
  expect(resolved(endpoint)).toMatchObject({ url: endpoint, provider: { name }, region, pathStyle });
});

it('the user’s own keys win', () => {
  const changes = { region: 'here', forcePathStyle: false };
  expect(resolved('https://s3.us-west-004.backblazeb2.com', changes)).toMatchObject({
    region: 'here',
    pathStyle: false,
  });
});

it('no endpoint is AWS, and only AWS gets the SDK’s new checksums', () => {
  expect(recognizeS3Provider(undefined)).toBe(aws);
  expect(s3Providers.filter((provider) => provider.checksums)).toEqual([aws]);
});

it('whatever is not usual has its reason beside it', () => {
  for (const { name, createOnly, swap, verifyDeletes, mostParts, headers, because } of s3Providers) {
    const special =
      createOnly !== 'unknown' ||
      swap !== 'unknown' ||
      verifyDeletes ||
      mostParts !== 10_000 ||
      Object.keys(headers).length > 0;
    if (special) expect(because, name).not.toEqual([]);
  }
});

it('docs/configuration.md lists them all, and what each does with conditional puts', () => {
  const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  const [, section = ''] = /\n### Stores that speak S3\n(.*?)\n##/s.exec(page) ?? [];
  const rows = [
    ...section.matchAll(/^\| ([^|]+) \| (honoured|ignored|refused|unknown) \| (honoured|ignored|refused|unknown) \|/gm),
  ].map(([, ...row]) => row);
  expect(rows).toEqual(s3Providers.map(({ name, createOnly, swap }) => [name, createOnly, swap]));
});
