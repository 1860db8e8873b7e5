import { describe, expect, it } from 'vitest';
import { resolveS3Endpoint } from '../../../src/storage/s3/endpoint.ts';
import { aws } from '../../../src/storage/s3/providers.ts';
import type { S3StoreOptions } from '../../../src/storage/store-options.ts';
import { s3Options } from './backend.ts';

const resolve = (changes: Partial<S3StoreOptions>, environment: Record<string, string> = {}) =>
  resolveS3Endpoint(
    s3Options({ url: 'http://unused', accessKeyId: 'a', secretAccessKey: 's' }, { endpoint: undefined, ...changes }),
    environment,
  );

describe('an endpoint', () => {
  it('is AWS without one: bucket in the host name, us-east-1', () => {
    expect(resolve({})).toEqual({ url: undefined, provider: aws, pathStyle: false, region: 'us-east-1' });
  });

  it('elsewhere gets path style unless told otherwise', () => {
    expect(resolve({ endpoint: 'https://minio.example:9000' })).toMatchObject({
      provider: { name: 'S3-compatible store' },
      pathStyle: true,
    });
    expect(resolve({ endpoint: 'https://minio.example', forcePathStyle: false })).toMatchObject({ pathStyle: false });
    expect(resolve({ forcePathStyle: true })).toMatchObject({ provider: aws, pathStyle: true });
  });

  it.each([
    ['https://s3.eu-west-1.amazonaws.com', true],
    ['https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com', true],
    ['https://s3.cn-north-1.amazonaws.com.cn', true],
    ['https://amazonaws.com.evil.example', false],
    ['https://notamazonaws.com', false],
  ] as const)('%s is AWS: %s', (endpoint, isAws) => {
    expect(resolve({ endpoint }).provider === aws).toBe(isAws);
  });

  it('comes from the environment where the SDK would take it from there', () => {
    expect(resolve({}, { AWS_ENDPOINT_URL: 'http://localhost:4566' })).toMatchObject({
      provider: { name: 'S3-compatible store' },
    });
  });

  it.each([
    ['https://s3.eu-west-1.amazonaws.com', 'eu-west-1'],
    ['https://s3-us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
    ['https://s3.dualstack.ap-southeast-2.amazonaws.com', 'ap-southeast-2'],
    ['https://bucket.vpce-1.s3.us-east-2.vpce.amazonaws.com', 'us-east-2'],
    ['https://s3.amazonaws.com', 'us-east-1'],
  ])('of AWS may name its region (%s)', (endpoint, region) => {
    expect(resolve({ endpoint }).region).toBe(region);
  });

  it('has the region of the configuration, then of the environment', () => {
    expect(resolve({}, { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-2' }).region).toBe('eu-west-1');
    expect(resolve({}, { AWS_DEFAULT_REGION: 'eu-west-2' }).region).toBe('eu-west-2');
    expect(resolve({ region: 'eu-west-3' }, { AWS_REGION: 'eu-west-1' }).region).toBe('eu-west-3');
  });
});
