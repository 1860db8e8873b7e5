/** What `doctor` finds out about a store that speaks S3, honest and otherwise. */
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { S3StoreOptions } from '../../src/storage/store-options.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { type S3Server, type S3ServerOptions, startS3Server } from '../servers/s3-server.ts';
import { s3Options } from '../storage/s3/backend.ts';
import { probed, skippedFrom, sound } from './probed.ts';

afterEach(() => vi.unstubAllEnvs());

async function server(options: S3ServerOptions = {}): Promise<S3Server> {
  const started = await startS3Server({ buckets: ['bucket'], ...options });
  onTestFinished(() => started.stop());
  return started;
}

const left = (store: S3Server) => store.objects('bucket').map((object) => object.key);

describe('an honest store', () => {
  it('passes every step, and nothing of the probe stays', async () => {
    const store = await server({ accessKeyId: 'AKIAIOSFODNN7EXAMPLE' });
    const { kinds, detail, report } = await probed(s3Options(store, { region: 'us-east-1' }));
    expect(kinds).toEqual(sound);
    expect(detail('authenticate')).toBe('access key AKIA…MPLE, as configured');
    expect(report).toMatchObject({ provider: 'S3-compatible store' });
    expect(left(store)).toEqual([]);
    expect(JSON.stringify(report)).not.toContain(store.secretAccessKey);
    const keys = new Set(store.requests.map(({ key }) => key).filter((key) => key !== ''));
    for (const key of keys) expect(key).toMatch(/^.+\/\.doctor\/[0-9a-f-]{36}(\.lease|\.absent)?$/);
  });

  it('is told where the credentials come from, if not from the configuration', async () => {
    const store = await server();
    vi.stubEnv('AWS_ACCESS_KEY_ID', store.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', store.secretAccessKey);
    const { detail } = await probed(s3Options(store, { credentials: undefined, region: 'us-east-1' }));
    expect(detail('authenticate')).toBe('access key te…, from the environment');
  });
});

describe('a store that lies', () => {
  it('about create-only puts is called unable to fence, and the rest is tried all the same', async () => {
    const store = await server();
    store.faults.add({ when: { operation: 'PutObject' }, do: { kind: 'ignore-conditions' } });
    const { kinds, failure } = await probed(s3Options(store));
    expect(kinds).toEqual({
      ...sound,
      'create-only': 'failed',
      'in-parts': 'skipped',
      'compare-and-swap': 'failed',
    });
    expect(failure('create-only').detail).toMatch(/^unable to fence: .* took a create-only put/);
    expect(left(store)).toEqual([]);
  });

  it('and one that refuses them likewise', async () => {
    const store = await server();
    const refusal = { kind: 'answer', status: 501, code: 'NotImplemented' } as const;
    store.faults.add({ when: { operation: 'PutObject' }, times: 1, do: refusal });
    const { kinds, failure } = await probed(s3Options(store));
    expect(kinds).toEqual({ ...sound, 'create-only': 'failed', 'in-parts': 'skipped' });
    expect(failure('create-only').detail).toMatch(/^unable to fence: .*NotImplemented/);
  });

  it.each([
    ['about a lease that was replaced', '\\.lease$', { kind: 'ignore-conditions' }, /of a state that was replaced$/],
    ['about a lease that is gone', '\\.absent$', { kind: 'ignore-conditions' }, /of an object that is not there$/],
    ['by refusing conditions', '\\.lease$', { kind: 'answer', status: 501, code: 'NotImplemented' }, /NotImplemented/],
  ] as const)('%s is called unable to fence, with what to do about it', async (_, key, action, words) => {
    const store = await server();
    store.faults.add({ when: { operation: 'PutObject', key }, do: action });
    const { kinds, failure } = await probed(s3Options(store));
    expect(kinds).toEqual({ ...sound, 'compare-and-swap': 'failed' });
    expect(failure('compare-and-swap')).toMatchObject({
      detail: expect.stringMatching(/^unable to fence: /),
      hint: expect.stringContaining('--lease=off'),
    });
    expect(failure('compare-and-swap').detail).toMatch(words);
    expect(left(store)).toEqual([]);
  });

  it('only where an upload goes in parts, as Ceph 16 does, is found out', async () => {
    const store = await server();
    store.faults.add({ when: { operation: 'CompleteMultipartUpload' }, do: { kind: 'ignore-conditions' } });
    const { kinds, failure } = await probed(s3Options(store));
    expect(kinds).toEqual({ ...sound, 'in-parts': 'failed' });
    expect(failure('in-parts').detail).toMatch(/^unable to fence: .* took a create-only upload in parts/);
    expect(left(store)).toEqual([]);
    expect(store.unfinishedUploads('bucket')).toBe(0);
  });

  it('about deletions is found out', async () => {
    const store = await server();
    store.faults.add({ when: { operation: 'DeleteObjects' }, do: { kind: 'keep-deleted' } });
    const { kinds, failure } = await probed(s3Options(store));
    expect(kinds).toEqual({ ...sound, deleted: 'failed' });
    expect(failure('deleted').detail).toMatch(/^\.doctor\/.* is still there$/);
  });

  it.each([
    [5 * 60_000, 'behind'],
    [-5 * 60_000, 'ahead of'],
  ])('has another time than we: %d ms', async (skew, word) => {
    const store = await server({ now: () => Date.now() + skew });
    const { kinds, failure } = await probed(s3Options(store));
    expect(kinds).toEqual({ ...sound, clock: 'failed' });
    expect(failure('clock').detail).toMatch(new RegExp(`this machine’s clock is (299|300|301) s ${word} the store’s`));
  });
});

describe('a store that cannot be used', () => {
  const denied = { kind: 'answer', status: 403, code: 'AccessDenied' } as const;

  it('for the secret is wrong', async () => {
    const store = await server();
    const credentials = { accessKeyId: store.accessKeyId, secretAccessKey: 'wrong', sessionToken: undefined };
    const { kinds, failure } = await probed(s3Options(store, { credentials }));
    expect(kinds).toEqual({ ...sound, authenticate: 'failed', ...skippedFrom('put') });
    expect(failure('authenticate')).toMatchObject({ code: 'STORAGE_DENIED', hint: expect.stringContaining('secret') });
  });

  it('for the bucket is not there', async () => {
    const { kinds, failure } = await probed(s3Options(await server(), { bucket: 'another' }));
    expect(kinds).toEqual({ ...sound, authenticate: 'failed', ...skippedFrom('put') });
    expect(failure('authenticate')).toMatchObject({ code: 'STORAGE_NOT_FOUND' });
  });

  it.each([
    ['PutObject', 'put', 's3:PutObject', skippedFrom('read')],
    [
      'GetObject',
      'read',
      's3:GetObject',
      {
        'round-trip': 'skipped',
        'create-only': 'failed',
        'in-parts': 'skipped',
        'compare-and-swap': 'failed',
        deleted: 'failed',
      },
    ],
    ['DeleteObjects', 'delete', 's3:DeleteObject', { deleted: 'skipped' }],
  ])('for %s is denied: the hint names the permission', async (operation, step, permission, rest) => {
    const store = await server();
    store.faults.add({ when: { operation }, do: denied });
    const { kinds, failure } = await probed(s3Options(store));
    expect(kinds).toEqual({ ...sound, [step]: 'failed', ...rest });
    expect(failure(step)).toMatchObject({ code: 'STORAGE_DENIED', hint: expect.stringContaining(permission) });
  });

  it('for nobody listens there', async () => {
    const network = await startFaultProxy(1);
    onTestFinished(() => network.stop());
    await network.set({ kind: 'refuse' });
    const { kinds, failure } = await probed(s3Options({ url: network.url, accessKeyId: 'a', secretAccessKey: 'b' }));
    expect(kinds).toEqual({ ...sound, connect: 'failed', ...skippedFrom('authenticate') });
    expect(failure('connect').detail).toContain('ECONNREFUSED');
  });

  it('for its name has no address', async () => {
    const endpoint = 'http://no-such-host.invalid';
    const options: S3StoreOptions = s3Options({ url: endpoint, accessKeyId: 'a', secretAccessKey: 'b' });
    const { kinds, failure } = await probed(options);
    expect(kinds).toEqual({ ...sound, resolve: 'failed', ...skippedFrom('connect') });
    expect(failure('resolve').detail).toContain('no-such-host.invalid has no address');
  });

  it('for TLS is expected and not spoken', async () => {
    const store = await server();
    const endpoint = store.url.replace('http:', 'https:');
    const { kinds, failure } = await probed(s3Options(store, { endpoint }));
    expect(kinds).toEqual({ ...sound, connect: 'failed', ...skippedFrom('authenticate') });
    expect(failure('connect').hint).toContain('no TLS');
  });

  it('for it takes a request and never answers', async () => {
    const store = await server();
    store.faults.add({ when: { operation: 'PutObject' }, do: { kind: 'hang' } });
    const { kinds, failure } = await probed(s3Options(store), 400);
    expect(kinds).toEqual({ ...sound, put: 'failed', ...skippedFrom('read') });
    expect(failure('put').detail).toBe('no answer within 0.4 s');
  });
});
