/** What stores that are not AWS do, played by the test server. */
import { describe, expect, it, vi } from 'vitest';
import { bytes } from '../../../src/quantities.ts';
import { bodyFromBytes } from '../../../src/storage/object-body.ts';
import { recognizeS3Provider, type S3Provider } from '../../../src/storage/s3/providers.ts';
import { createOnly, PART, text } from '../impatient.ts';
import { started } from './started.ts';

const at = (host: string): S3Provider => recognizeS3Provider(`https://${host}`);
const r2 = at('0123.r2.cloudflarestorage.com');
const b2 = at('s3.us-west-004.backblazeb2.com');
const oracle = at('ns.compat.objectstorage.eu-frankfurt-1.oraclecloud.com');

const content = async (chunks: AsyncIterable<Uint8Array>) => Buffer.concat(await Array.fromAsync(chunks)).toString();

describe('a store known to ignore or to refuse create-only puts', () => {
  it.each([
    ['refuses', b2],
    ['ignores', oracle],
  ])('%s them: the key is looked for instead, and it is said at once', async (word, provider) => {
    const unableToFence = vi.fn();
    const { store, server } = await started({}, { provider, unableToFence });
    expect(unableToFence).toHaveBeenCalledExactlyOnceWith(`${provider.name} ${word} create-only puts`);
    await store.put('a', text('first'), createOnly);
    await expect(store.put('a', text('second'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
    await store.put('a/longer', text('another key'), createOnly);
    expect(await content(store.get('a'))).toBe('first');
    const puts = server.requests.filter((request) => request.method === 'PUT');
    expect(puts.map(({ key, headers }) => [key, headers['if-none-match']])).toEqual([
      [expect.stringMatching(/\/a$/), undefined],
      [expect.stringMatching(/\/a\/longer$/), undefined],
    ]);
    expect(unableToFence).toHaveBeenCalledOnce();
  });
});

describe('a store nobody knows', () => {
  it('that answers NotImplemented to the condition is used without it, and said to be unable to fence', async () => {
    const unableToFence = vi.fn();
    const { store, server } = await started({}, { unableToFence });
    server.faults.add({
      when: { operation: 'PutObject' },
      times: 1,
      do: { kind: 'answer', status: 501, code: 'NotImplemented' },
    });
    await store.put('a', text('first'), createOnly);
    expect(unableToFence).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('NotImplemented'));
    await expect(store.put('a', text('second'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
  });

  it('that ignores the condition is found out by its first small object, put once more', async () => {
    const unableToFence = vi.fn();
    const { store, server } = await started({}, { unableToFence });
    server.faults.add({ when: { operation: 'PutObject' }, do: { kind: 'ignore-conditions' } });
    await store.put('large', bodyFromBytes(Buffer.alloc(PART + 1)), createOnly);
    await store.put('a', text('first'), createOnly);
    await vi.waitFor(() => expect(unableToFence).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('took')));
    await expect(store.put('a', text('second'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
    expect(await content(store.get('a'))).toBe('first');
  });

  it('that honours it costs one request more, once', async () => {
    const unableToFence = vi.fn();
    const { store, operations, server } = await started({}, { unableToFence });
    await store.put('a', text('first'), createOnly);
    await vi.waitFor(() => expect(server.requests.at(1)).toMatchObject({ status: 412 }));
    await store.put('b', text('second'), createOnly);
    await store.put('c', text('third'), createOnly);
    expect(operations()).toEqual(['PutObject', 'PutObject', 'PutObject', 'PutObject']);
    expect(unableToFence).not.toHaveBeenCalled();
  });

  it('is not asked where nobody wants to know', async () => {
    const { store, operations } = await started();
    await store.put('a', text('first'), createOnly);
    await store.put('b', text('second'), createOnly);
    expect(operations()).toEqual(['PutObject', 'PutObject']);
  });
});

it('an upload in parts to a store nobody knows is preceded by a look: Ceph 16 ignores the condition there', async () => {
  const { store, server } = await started();
  server.faults.add({ when: { operation: 'CompleteMultipartUpload' }, do: { kind: 'ignore-conditions' } });
  await store.put('a', text('first'), createOnly);
  const large = bodyFromBytes(Buffer.alloc(PART + 1));
  await expect(store.put('a', large, createOnly)).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
  expect(await content(store.get('a'))).toBe('first');
});

describe('a store known to lie about deletions', () => {
  it('is asked for a list afterwards', async () => {
    const { store, operations, server } = await started({}, { provider: r2 });
    for (const key of ['0000/a', '0000/b', '0001/c']) await store.put(key, text(key), createOnly);
    server.requests.length = 0;
    await store.delete(['0000/b', '0000/a']);
    expect(operations()).toEqual(['DeleteObjects', 'ListObjectsV2']);
  });

  it('and what is still there is an error that names it', async () => {
    const { store, server } = await started({}, { provider: r2 });
    for (const key of ['0000/a', '0000/b', '0001/c']) await store.put(key, text(key), createOnly);
    server.faults.add({ when: { operation: 'DeleteObjects' }, do: { kind: 'keep-deleted' } });
    await expect(store.delete(['0000/b'])).rejects.toMatchObject({
      code: 'STORAGE_BROKEN',
      message: expect.stringContaining('/0000/b was deleted, and is still there'),
    });
  });
});

it('an object has no more parts than the store takes', async () => {
  const { store, operations } = await started({}, { provider: { ...r2, mostParts: 4 }, partSize: bytes(1024) });
  const body = Buffer.alloc(10_000, 7);
  await store.put('a', bodyFromBytes(body), createOnly);
  expect(operations().filter((operation) => operation === 'UploadPart')).toHaveLength(4);
  expect(Buffer.concat(await Array.fromAsync(store.get('a')))).toEqual(body);
});

it('Tigris is asked for its leader’s word, and no store for chunks or checksums it may not know', async () => {
  const { store, server } = await started({}, { provider: at('fly.storage.tigris.dev') });
  await store.put('a', text('first'), createOnly);
  await store.delete(['a']);
  for (const { headers } of server.requests) {
    expect(headers['x-tigris-consistent']).toBe('true');
    expect(headers['content-encoding']).toBeUndefined();
  }
  expect(server.requests[0]?.headers['x-amz-checksum-crc32']).toBeUndefined();
});
