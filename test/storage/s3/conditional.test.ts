/** Compare-and-swap on S3, where the store or the network is not as AWS's documentation has it. */
import { describe, expect, it, vi } from 'vitest';
import type { ConditionalObject } from '../../../src/storage/object-store.ts';
import { recognizeS3Provider } from '../../../src/storage/s3/providers.ts';
import { started } from './started.ts';

const oracle = recognizeS3Provider('https://ns.compat.objectstorage.eu-frankfurt-1.oraclecloud.com');
const aws = recognizeS3Provider(undefined);
const text = (content: string) => Buffer.from(content);
const content = async (object: ConditionalObject) => String((await object.read())?.bytes);
const taken = { code: 'STORAGE_ALREADY_EXISTS' };
const ignored = { when: { operation: 'PutObject' }, do: { kind: 'ignore-conditions' } } as const;
const answer = (status: number, code: string, times: number) =>
  ({ when: { operation: 'PutObject' }, times, do: { kind: 'answer', status, code } }) as const;

/** A second client of the same place, which knows nothing of the first. */
async function startedTwice(settings: Parameters<typeof started>[1] = {}) {
  const { store, server, ...rest } = await started({}, settings);
  return { ...rest, store, server, object: store.conditional('lock.json'), other: store.conditional('lock.json') };
}

describe('a store that nobody knows', () => {
  it('and that takes the ETag of another state is found out by the first write, and told of once', async () => {
    const unableToFence = vi.fn();
    const { object, other, server } = await startedTwice({ unableToFence });
    server.faults.add(ignored);
    const first = await object.write(text('first'), undefined);
    expect(unableToFence).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('ETag of another state'));
    const second = await object.write(text('second'), first);
    await expect(other.write(text('stale'), first)).rejects.toMatchObject(taken);
    expect(await content(object)).toBe('second');
    await object.write(text('third'), second);
    expect(unableToFence).toHaveBeenCalledOnce();
  });

  it('and that heeds the condition costs one request more, once', async () => {
    const unableToFence = vi.fn();
    const { object, server } = await startedTwice({ unableToFence });
    const first = await object.write(text('first'), undefined);
    expect(server.requests.map(({ status }) => status)).toEqual([200, 412]);
    server.requests.length = 0;
    await object.write(text('second'), first);
    expect(server.requests.map(({ status }) => status)).toEqual([200]);
    expect(unableToFence).not.toHaveBeenCalled();
  });

  it.each(['create', 'swap'])('and that answers NotImplemented to a %s is used without, and told of', async (which) => {
    const unableToFence = vi.fn();
    const { object, other, server } = await startedTwice({ unableToFence });
    const before = which === 'create' ? undefined : await object.write(text('before'), undefined);
    server.faults.add(answer(501, 'NotImplemented', 1));
    const first = await object.write(text('first'), before);
    expect(unableToFence).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('NotImplemented'));
    await expect(other.write(text('stale'), before)).rejects.toMatchObject(taken);
    await other.write(text('second'), first);
    expect(await content(object)).toBe('second');
  });

  it('and that wants ETags without quotes, as Ceph 16 does, gets them so, then and from then on', async () => {
    const { object, server } = await startedTwice();
    const first = await object.write(text('first'), undefined);
    server.faults.add(answer(412, 'PreconditionFailed', 1));
    const second = await object.write(text('second'), first);
    await object.write(text('third'), second);
    const tags = server.requests.filter(({ method }) => method === 'PUT').map(({ headers }) => headers['if-match']);
    const bare = (etag: string) => etag.replaceAll('"', '');
    expect(tags).toEqual([undefined, first, bare(first), bare(second)]);
    expect(await content(object)).toBe('third');
  });

  it('and that answers a loser with 500, as Ceph 16 does, is looked at', async () => {
    const { object, other, server } = await startedTwice({ attempts: 1 });
    const first = await object.write(text('first'), undefined);
    await other.write(text('second'), first);
    server.faults.add(answer(500, 'InternalError', 1));
    await expect(object.write(text('late'), first)).rejects.toMatchObject(taken);
    server.faults.add(answer(500, 'InternalError', 1));
    const { version } = (await object.read()) ?? {};
    await expect(object.write(text('third'), version)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
    expect(await content(object)).toBe('second');
  });
});

it('a store known to ignore conditions is sent none: what is there is compared instead, and it is said', async () => {
  const unableToFence = vi.fn();
  const { object, other, server } = await startedTwice({ provider: oracle, unableToFence });
  const first = await object.write(text('first'), undefined);
  await expect(other.write(text('x'), undefined)).rejects.toMatchObject(taken);
  await other.write(text('second'), first);
  await expect(object.write(text('x'), first)).rejects.toMatchObject(taken);
  expect(await content(object)).toBe('second');
  const conditions = server.requests.flatMap(({ method, headers }) =>
    method === 'PUT' ? [headers['if-match'] ?? headers['if-none-match']] : [],
  );
  expect(conditions).toEqual([undefined, undefined]);
  expect(unableToFence).toHaveBeenCalledOnce();
});

it.each([undefined, aws])('nobody asks more than is needed of %s', async (provider) => {
  const { object, operations } = await startedTwice({ provider, ...(provider && { unableToFence: vi.fn() }) });
  const first = await object.write(text('first'), undefined);
  await object.write(text('second'), first);
  expect(operations()).toEqual(['PutObject', 'PutObject']);
});

describe('another write in the same moment', () => {
  it('is told as another state: 409 as well as 412', async () => {
    const { object, server } = await startedTwice();
    server.faults.add(answer(409, 'ConditionalRequestConflict', 1));
    await expect(object.write(text('first'), undefined)).rejects.toMatchObject(taken);
    const first = await object.write(text('first'), undefined);
    server.faults.add(answer(409, 'ConditionalRequestConflict', 1));
    await expect(object.write(text('second'), first)).rejects.toMatchObject(taken);
    expect(await content(object)).toBe('first');
  });

  it('may be our own, whose answer was lost: whoever compares finds his bytes', async () => {
    const { object, server } = await startedTwice();
    const first = await object.write(text('first'), undefined);
    server.faults.add({ when: { operation: 'PutObject' }, times: 1, do: { kind: 'drop', at: 'response' } });
    const outcome = await object.write(text('second'), first).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: expect.stringMatching(/^STORAGE_(ALREADY_EXISTS|UNREACHABLE)$/) });
    expect(await content(object)).toBe('second');
  });
});

it('is in no storage class: what is replaced every few seconds must be readable, and cheap to replace', async () => {
  const { store, server } = await started({ storageClass: 'GLACIER' });
  await store.conditional('lock.json').write(text('x'), undefined);
  expect(server.requests[0]?.headers['x-amz-storage-class']).toBeUndefined();
});

it('is encrypted as the replica is', async () => {
  const keyBase64 = Buffer.alloc(32, 7).toString('base64');
  const customer = { kind: 'customer', algorithm: 'AES256', keyBase64, keyMd5: undefined } as const;
  const { store } = await started({ serverSideEncryption: customer });
  const object = store.conditional('lock.json');
  await object.write(text('second'), await object.write(text('first'), undefined));
  expect(await content(object)).toBe('second');
});
