import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { milliseconds } from '../../../src/quantities.ts';
import { bodyFromBytes } from '../../../src/storage/object-body.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import { bucketRegionOf, s3Error } from '../../../src/storage/s3/errors.ts';
import { openS3Session } from '../../../src/storage/s3/session.ts';
import { s3Options } from './backend.ts';

const keys = { accessKeyId: 'a', secretAccessKey: 's' };
const operation = { permission: 's3:GetObject', url: 's3://bucket/key' } as const;
const settings = { connectTimeout: milliseconds(500), idleTimeout: milliseconds(500), attempts: 1 };

afterEach(() => vi.unstubAllEnvs());

describe('where no answer comes', () => {
  it('a name that does not exist is unreachable', async () => {
    const store = await openStore(s3Options({ ...keys, url: 'http://no-such-host.invalid' }), settings);
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({
      code: 'STORAGE_UNREACHABLE',
      message: expect.stringMatching(/^E[A-Z_]+: /),
    });
  });

  it('several refused addresses of one name are told as one', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED ::1:9'), { code: 'ECONNREFUSED' });
    const both = Object.assign(new AggregateError([refused, refused], ''), { code: 'ECONNREFUSED' });
    expect(s3Error(both, operation).message).toMatch(/^ECONNREFUSED: connect ECONNREFUSED ::1:9 /);
  });

  it('a certificate that is not trusted says what to do', () => {
    const error = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(s3Error(error, operation)).toMatchObject({
      code: 'STORAGE_UNREACHABLE',
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
  });

  it('no credentials anywhere is a refusal', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere');
    const store = await openStore(
      s3Options({ ...keys, url: 'http://127.0.0.1:9' }, { credentials: undefined }),
      settings,
    );
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: expect.stringMatching(/^CredentialsProviderError: /),
    });
  });
});

describe('an answer that is not S3’s', () => {
  it.each([
    [502, '<html><body>Bad Gateway</body></html>', 'STORAGE_UNREACHABLE'],
    [503, 'no healthy upstream', 'STORAGE_THROTTLED'],
    [403, '', 'STORAGE_DENIED'],
    [200, '<html><body>Please log in</body></html>', 'STORAGE_BROKEN'],
    [200, '', 'STORAGE_BROKEN'],
  ])('(%i %j) is %s, never an empty list or a stored object', async (status, body, code) => {
    const proxy = createServer((_, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1');
    onTestFinished(() => void proxy.close());
    await new Promise((resolve) => proxy.once('listening', resolve));
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const store = await openStore(s3Options({ ...keys, url }), settings);
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code });
    await expect(store.put('a', bodyFromBytes(Buffer.from('x')), { createOnly: true })).rejects.toMatchObject({ code });
    await store.close();
  });
});

describe('a bucket in another region of AWS', () => {
  const moved = (statusCode: number, more: object = {}) =>
    Object.assign(new Error('moved'), {
      $response: { statusCode, headers: { 'x-amz-bucket-region': 'eu-west-1' } },
      ...more,
    });

  it('is read off the answer that sends us there', () => {
    expect(bucketRegionOf(moved(301))).toBe('eu-west-1');
    expect(bucketRegionOf(moved(400))).toBe('eu-west-1');
    expect(bucketRegionOf(moved(400, { $response: { statusCode: 400, headers: {} }, Region: 'eu-west-2' }))).toBe(
      'eu-west-2',
    );
    expect(bucketRegionOf(moved(403))).toBeUndefined();
    expect(bucketRegionOf(new Error('other'))).toBeUndefined();
  });

  it('is asked there, then and from then on', async () => {
    const session = openS3Session(s3Options({ ...keys, url: '' }, { endpoint: 'https://s3.amazonaws.com' }), {});
    const asked: string[] = [];
    const ask = () =>
      session.send(async (client) => {
        asked.push(await client.config.region());
        if (asked.at(-1) !== 'eu-west-1') throw moved(301);
        return 'found';
      }, operation);
    expect(await Promise.all([ask(), ask()])).toEqual(['found', 'found']);
    await ask();
    expect(asked).toEqual(['us-east-1', 'us-east-1', 'eu-west-1', 'eu-west-1', 'eu-west-1']);
    session.close();
  });
});
