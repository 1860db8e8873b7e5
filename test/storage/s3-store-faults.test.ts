import { describe, expect, it } from 'vitest';
import { readAll } from '../../src/storage/object-body.ts';
import { patternBody } from './conformance.ts';
import { createOnly, PART, text } from './impatient.ts';
import { started } from './s3-started.ts';

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

  it('with a wait of an hour is left to the caller', async () => {
    const { server, store, operations } = await started();
    server.faults.add({ do: { kind: 'answer', status: 503, code: 'SlowDown', headers: { 'retry-after': '3600' } } });
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_THROTTLED' });
    expect(operations()).toEqual(['PutObject', 'PutObject']);
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
