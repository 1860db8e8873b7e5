import { describe, expect, it, onTestFinished } from 'vitest';
import { bytes, milliseconds } from '../../src/quantities.ts';
import { bodyFromBytes, readAll } from '../../src/storage/object-body.ts';
import { openStore } from '../../src/storage/open-store.ts';
import type { S3StoreSettings } from '../../src/storage/s3-settings.ts';
import type { S3StoreOptions } from '../../src/storage/store-options.ts';
import { type S3ServerOptions, startS3Server } from '../servers/s3-server.ts';
import { describeObjectStore, patternBody } from './conformance.ts';
import { s3Backend, s3Options } from './s3-backend.ts';

describeObjectStore('our S3 server', async () => {
  const server = await startS3Server();
  return s3Backend(server, { conditionalMultipart: true, stop: () => server.stop() });
});

const createOnly = { createOnly: true } as const;
const text = (content: string) => bodyFromBytes(Buffer.from(content));
const PART = 64 * 1024;
const impatient: Partial<S3StoreSettings> = {
  connectTimeout: milliseconds(1_000),
  idleTimeout: milliseconds(500),
  attempts: 2,
  partSize: bytes(PART),
};

async function started(
  options: Partial<S3StoreOptions> = {},
  settings: Partial<S3StoreSettings> = {},
  serverOptions: S3ServerOptions = {},
) {
  const server = await startS3Server({ buckets: ['bucket'], minimumPartSize: 1, ...serverOptions });
  const store = await openStore(s3Options(server, options), { ...impatient, ...settings });
  onTestFinished(async () => {
    await store.close();
    await server.stop();
  });
  const operations = () => server.requests.map((request) => request.operation);
  return { server, store, operations, keys: () => server.objects('bucket').map((object) => object.key) };
}

describe('what stock Litestream finds', () => {
  it('is root, slash, key; an empty root gives a leading slash', async () => {
    const { store, keys } = await started({ path: 'db/one' });
    await store.put('0000/a.ltx', text('x'), createOnly);
    expect(keys()).toEqual(['db/one/0000/a.ltx']);

    const root = await started({ path: '' });
    await root.store.put('0000/a.ltx', text('x'), createOnly);
    expect(root.keys()).toEqual(['/0000/a.ltx']);
  });

  it('carries its timestamp, in one request as in parts', async () => {
    const { server, store } = await started();
    const timestamp = milliseconds(Date.UTC(2026, 10, 25, 7, 46, 36, 900));
    await store.put('small', text('x'), { ...createOnly, timestamp });
    await store.put('large', patternBody(3 * PART).body, { ...createOnly, timestamp });
    for (const object of server.objects('bucket')) {
      expect(object.headers['x-amz-meta-litestream-timestamp']).toBe('2026-11-25T07:46:36.900Z');
    }
  });
});

describe('an upload in parts', () => {
  it('is what was given, whatever the size around the part’s', async () => {
    const { store } = await started();
    for (const size of [PART - 1, PART, PART + 1, 5 * PART, 5 * PART + 17]) {
      const { body } = patternBody(size);
      await store.put(`${size}`, body, createOnly);
      const expected = Buffer.concat(await Array.fromAsync(body.open()));
      expect(Buffer.compare(await readAll(store, `${size}`, size), expected)).toBe(0);
    }
  });

  it('that fails leaves neither object nor parts', async () => {
    const { server, store, keys } = await started();
    server.faults.add({
      when: { operation: 'UploadPart' },
      do: { kind: 'answer', status: 500, code: 'InternalError' },
    });
    await expect(store.put('a', patternBody(4 * PART).body, createOnly)).rejects.toMatchObject({
      code: 'STORAGE_UNREACHABLE',
    });
    expect(keys()).toEqual([]);
    expect(server.unfinishedUploads('bucket')).toBe(0);
  });

  it('that is aborted leaves neither object nor parts', async () => {
    const { server, store, keys } = await started();
    server.faults.add({ when: { operation: 'UploadPart' }, do: { kind: 'hang' } });
    const reason = new Error('enough');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 100);
    const put = store.put('a', patternBody(4 * PART).body, { ...createOnly, signal: controller.signal });
    await expect(put).rejects.toBe(reason);
    expect(keys()).toEqual([]);
    expect(server.unfinishedUploads('bucket')).toBe(0);
  });

  it('tries again from the start when S3 answers 409', async () => {
    const { server, store, keys } = await started();
    server.faults.add({
      when: { operation: 'CompleteMultipartUpload' },
      times: 1,
      do: { kind: 'answer', status: 409, code: 'ConditionalRequestConflict' },
    });
    await store.put('a', patternBody(2 * PART).body, createOnly);
    expect(keys()).toEqual(['root/a']);
    expect(server.unfinishedUploads('bucket')).toBe(0);
  });
});

describe('an answer that got lost', () => {
  const lost = { when: { operation: 'PutObject' }, do: { kind: 'drop', at: 'response' } } as const;

  it('is unreachable, and the object may be there', async () => {
    const { server, store, keys } = await started({}, { attempts: 1 });
    server.faults.add(lost);
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
    expect(keys()).toEqual(['root/a']);
  });

  it('and tried again by the SDK is "already there": only reading back tells', async () => {
    const { server, store } = await started();
    server.faults.add({ ...lost, times: 1 });
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
    expect((await readAll(store, 'a', 10)).toString()).toBe('x');
  });
});

describe('what a store answers', () => {
  it.each([
    [500, 'InternalError', 'STORAGE_UNREACHABLE'],
    [503, 'SlowDown', 'STORAGE_THROTTLED'],
    [503, 'ServiceUnavailable', 'STORAGE_THROTTLED'],
    [429, 'TooManyRequests', 'STORAGE_THROTTLED'],
    [403, 'AccessDenied', 'STORAGE_DENIED'],
    [403, 'InvalidAccessKeyId', 'STORAGE_DENIED'],
    [400, 'ExpiredToken', 'STORAGE_DENIED'],
    [404, 'NoSuchBucket', 'STORAGE_NOT_FOUND'],
    [501, 'NotImplemented', 'STORAGE_BROKEN'],
    [400, 'SomethingNew', 'STORAGE_BROKEN'],
  ])('%i %s is %s', async (status, word, code) => {
    const { server, store } = await started();
    server.faults.add({ do: { kind: 'answer', status, code: word } });
    const message = expect.stringMatching(new RegExp(`^${word}: `));
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({ code, message });
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code, message });
    await expect(Array.fromAsync(store.get('a'))).rejects.toMatchObject({ code, message });
  });

  it('names the permission that is lacking', async () => {
    const { server, store } = await started();
    server.faults.add({ do: { kind: 'answer', status: 403, code: 'AccessDenied' } });
    const hint = (permission: string) => ({ hint: expect.stringContaining(permission) });
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject(hint('s3:PutObject'));
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject(hint('s3:ListBucket'));
    await expect(Array.fromAsync(store.get('a'))).rejects.toMatchObject(hint('s3:GetObject'));
    await expect(store.delete(['a'])).rejects.toMatchObject(hint('s3:DeleteObject'));
  });

  it('once only, is got over', async () => {
    const { server, store } = await started();
    for (const [status, code] of [
      [500, 'InternalError'],
      [503, 'SlowDown'],
    ] as const) {
      server.faults.add({ times: 1, do: { kind: 'answer', status, code } });
      await store.put(code, text('x'), createOnly);
    }
  });

  it('with a clock that is wrong says so', async () => {
    const { store } = await started({}, {}, { now: () => Date.now() + 3_600_000 });
    await expect(store.put('a', text('x'), createOnly)).rejects.toThrow(/^RequestTimeTooSkewed: /);
  });

  it('never has the secret in it', async () => {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'hush-hush', sessionToken: 'hush-token' };
    const { store } = await started({ credentials });
    const error = await store.put('a', text('x'), createOnly).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STORAGE_DENIED' });
    expect(`${error} ${(error as { hint: string }).hint}`).not.toContain('hush');
  });
});

describe('a server that hangs', () => {
  it.each(['put', 'get', 'list', 'delete'] as const)('does not hang %s', async (operation) => {
    const { server, store } = await started();
    server.faults.add({ do: { kind: 'hang' } });
    const call = {
      put: () => store.put('a', text('x'), createOnly),
      get: () => Array.fromAsync(store.get('a')),
      list: () => Array.fromAsync(store.list('')),
      delete: () => store.delete(['a']),
    };
    await expect(call[operation]()).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
  });
});

describe('a download that breaks', () => {
  it('goes on where it stopped', async () => {
    const { server, store } = await started();
    const { body } = patternBody(10 * PART);
    await store.put('a', body, createOnly);
    server.faults.add({ when: { operation: 'GetObject' }, times: 2, do: { kind: 'drop', at: 'half-response' } });
    const expected = Buffer.concat(await Array.fromAsync(body.open()));
    expect(Buffer.compare(await readAll(store, 'a', 10 * PART), expected)).toBe(0);
    const resumed = server.requests.filter((request) => request.headers['if-match'] !== undefined);
    expect(resumed.map((request) => request.headers.range)).toEqual([
      expect.stringMatching(/^bytes=\d+-655359$/),
      expect.stringMatching(/^bytes=\d+-655359$/),
    ]);
  });

  it('again and again is an error, never a short object', async () => {
    const { server, store } = await started();
    await store.put('a', patternBody(PART).body, createOnly);
    server.faults.add({ when: { operation: 'GetObject' }, do: { kind: 'drop', at: 'half-response' } });
    await expect(readAll(store, 'a', PART)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
  });

  it('does not go on with another object', async () => {
    const { server, store } = await started();
    await store.put('a', patternBody(PART).body, createOnly);
    server.faults.add({ when: { operation: 'GetObject' }, times: 1, do: { kind: 'drop', at: 'half-response' } });
    const read = async () => {
      for await (const _ of store.get('a')) await store.put('a', patternBody(PART).body, { createOnly: false });
    };
    await expect(read()).rejects.toMatchObject({ code: 'STORAGE_BROKEN' });
  });

  it('may be slow, as long as something comes', async () => {
    const { server, store } = await started();
    await store.put('a', patternBody(PART).body, createOnly);
    server.faults.add({ when: { operation: 'GetObject' }, do: { kind: 'slow', bytesPerSecond: 60_000 } });
    expect(await readAll(store, 'a', PART)).toHaveLength(PART);
    expect(server.requests.filter((request) => request.operation === 'GetObject')).toHaveLength(1);
  });
});

describe('deleting', () => {
  it('sends MD5, which stores that are not AWS insist on, and at most 1000 keys', async () => {
    const { server, store, operations } = await started();
    await store.delete(Array.from({ length: 1_001 }, (_, index) => `key-${index}`));
    expect(operations()).toEqual(['DeleteObjects', 'DeleteObjects']);
    expect(server.requests[0]?.headers).toHaveProperty('content-md5');
    expect(server.requests[0]?.headers).not.toHaveProperty('x-amz-checksum-crc32');
  });

  it('fails where a key is refused inside an answer of 200', async () => {
    const { server, store } = await started();
    server.faults.add({ do: { kind: 'refuse-deletes' } });
    await expect(store.delete(['a', 'b'])).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: expect.stringMatching(/^AccessDenied: .*2 of 2/),
    });
  });

  it('goes one by one where the store knows no other way', async () => {
    const { server, store, keys } = await started();
    for (const key of ['a', 'b', 'c']) await store.put(key, text('x'), createOnly);
    server.faults.add({
      when: { operation: 'DeleteObjects' },
      do: { kind: 'answer', status: 501, code: 'NotImplemented' },
    });
    await store.delete(['a', 'c']);
    expect(keys()).toEqual(['root/b']);
  });
});

describe('what the configuration asks for', () => {
  it('storage class and encryption come with what makes the object', async () => {
    const { server, store } = await started({
      storageClass: 'STANDARD_IA',
      serverSideEncryption: { kind: 'aws:kms', keyId: 'key-1' },
    });
    await store.put('small', text('x'), createOnly);
    await store.put('large', patternBody(2 * PART).body, createOnly);
    for (const object of server.objects('bucket')) {
      expect(object.headers).toMatchObject({
        'x-amz-storage-class': 'STANDARD_IA',
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'key-1',
      });
    }
  });

  it('a customer’s key comes with reads and parts too', async () => {
    const keyBase64 = Buffer.alloc(32, 7).toString('base64');
    const { server, store } = await started({
      serverSideEncryption: { kind: 'customer', algorithm: 'AES256', keyBase64, keyMd5: undefined },
    });
    await store.put('large', patternBody(2 * PART).body, createOnly);
    expect(await readAll(store, 'large', 2 * PART)).toHaveLength(2 * PART);
    const withKey = server.requests.filter(
      (request) => request.headers['x-amz-server-side-encryption-customer-key'] === keyBase64,
    );
    expect(withKey.map((request) => request.operation).sort()).toEqual([
      'CompleteMultipartUpload',
      'CreateMultipartUpload',
      'GetObject',
      'UploadPart',
      'UploadPart',
    ]);
  });

  it('sign-payload: false leaves the payload unsigned; checksums go only to AWS', async () => {
    const { server, store } = await started({ signPayload: false });
    await store.put('a', text('x'), createOnly);
    expect(server.requests[0]?.headers).toMatchObject({ 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' });
    const names = Object.keys(server.requests[0]?.headers ?? {});
    expect(names.filter((name) => name.startsWith('x-amz-checksum'))).toEqual([]);
  });
});
