import { describe, expect, it } from 'vitest';
import { milliseconds } from '../../../src/quantities.ts';
import { readAll } from '../../../src/storage/object-body.ts';
import { startS3Server } from '../../servers/s3-server.ts';
import { steadyNow } from '../../servers/steady-now.ts';
import { describeRemoteStore } from '../conformance.ts';
import { createOnly, PART, text } from '../impatient.ts';
import { patternBody } from '../pattern-body.ts';
import { s3Backend } from './backend.ts';
import { started } from './started.ts';

describeRemoteStore('our S3 server', async () => {
  const server = await startS3Server({ minimumPartSize: 1, now: steadyNow });
  return s3Backend(server, { stop: () => server.stop() });
});

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

  it.each([
    ['AES256', { kind: 'AES256' }],
    ['aws:kms', { kind: 'aws:kms', keyId: undefined }],
  ] as const)(
    'sse: %s goes with what makes an object, in one piece or in parts, and with nothing else',
    async (sse, kind) => {
      const { server, store } = await started({ serverSideEncryption: kind });
      await store.put('small', text('x'), createOnly);
      await store.put('large', patternBody(2 * PART).body, createOnly);
      expect(await readAll(store, 'small', 1)).toHaveLength(1);
      const asked = server.requests.filter(({ headers }) => headers['x-amz-server-side-encryption'] === sse);
      expect(asked.map((request) => request.operation)).toEqual(['PutObject', 'CreateMultipartUpload']);
      expect(asked.map(({ headers }) => headers['x-amz-server-side-encryption-aws-kms-key-id'])).toEqual([
        undefined,
        undefined,
      ]);
    },
  );

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
