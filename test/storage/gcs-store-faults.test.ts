import { describe, expect, it } from 'vitest';
import { readAll } from '../../src/storage/object-body.ts';
import { patternBody } from './conformance.ts';
import { started } from './gcs-started.ts';
import { CHUNK, createOnly, text } from './impatient.ts';

describe('an answer that got lost', () => {
  const lost = { when: { operation: 'InsertObject' }, do: { kind: 'drop', at: 'response' } } as const;

  it('is unreachable, and the object may be there', async () => {
    const { server, store, keys } = await started({}, { attempts: 1 });
    server.faults.add(lost);
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
    expect(keys()).toEqual(['root/a']);
  });

  it('and tried again is "already there": only reading back tells', async () => {
    const { server, store } = await started();
    server.faults.add({ ...lost, times: 1 });
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
    expect((await readAll(store, 'a', 10)).toString()).toBe('x');
  });
});

describe('what a store answers', () => {
  it.each([
    [500, 'backendError', 'STORAGE_UNREACHABLE'],
    [503, 'backendError', 'STORAGE_UNREACHABLE'],
    [503, 'somethingNew', 'STORAGE_THROTTLED'],
    [429, 'rateLimitExceeded', 'STORAGE_THROTTLED'],
    [403, 'rateLimitExceeded', 'STORAGE_THROTTLED'],
    [409, 'conflict', 'STORAGE_THROTTLED'],
    [401, 'authError', 'STORAGE_DENIED'],
    [403, 'forbidden', 'STORAGE_DENIED'],
    [403, 'accountDisabled', 'STORAGE_DENIED'],
    [412, 'orgPolicyConstraintFailed', 'STORAGE_DENIED'],
    [404, 'notFound', 'STORAGE_NOT_FOUND'],
    [501, 'notImplemented', 'STORAGE_BROKEN'],
    [400, 'somethingNew', 'STORAGE_BROKEN'],
  ])('%i %s is %s', async (status, word, code) => {
    const { server, store } = await started();
    for (const operation of ['InsertObject', 'ListObjects', 'GetMedia']) {
      server.faults.add({ when: { operation }, do: { kind: 'answer', status, code: word } });
    }
    const message = expect.stringMatching(new RegExp(`^${word}: `));
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({ code, message });
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code, message });
    await expect(Array.fromAsync(store.get('a'))).rejects.toMatchObject({ code, message });
  });

  it('names the permission that is lacking', async () => {
    const { server, store } = await started();
    for (const operation of ['InsertObject', 'ListObjects', 'GetMedia', 'DeleteObject']) {
      server.faults.add({ when: { operation }, do: { kind: 'answer', status: 403, code: 'forbidden' } });
    }
    const hint = (permission: string) => ({ code: 'STORAGE_DENIED', hint: expect.stringContaining(permission) });
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject(hint('storage.objects.create'));
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject(hint('storage.objects.list'));
    await expect(Array.fromAsync(store.get('a'))).rejects.toMatchObject(hint('storage.objects.get'));
    await expect(store.delete(['a'])).rejects.toMatchObject(hint('storage.objects.delete'));
  });

  it('once only, is got over', async () => {
    const { server, store } = await started();
    for (const [status, code] of [
      [500, 'internalError'],
      [429, 'rateLimitExceeded'],
    ] as const) {
      server.faults.add({ when: { operation: 'InsertObject' }, times: 1, do: { kind: 'answer', status, code } });
      await store.put(code, text('x'), createOnly);
    }
  });

  it('with a wait: a short one is kept, a long one is left to the caller', async () => {
    const { server, store, operations } = await started();
    const busy = (seconds: string) =>
      server.faults.add({
        when: { operation: 'InsertObject' },
        times: 1,
        do: { kind: 'answer', status: 503, code: 'busy', headers: { 'retry-after': seconds } },
      });
    busy('1');
    const begun = Date.now();
    await store.put('a', text('x'), createOnly);
    expect(Date.now() - begun).toBeGreaterThan(900);
    busy('3600');
    await expect(store.put('b', text('x'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_THROTTLED' });
    expect(operations().filter((operation) => operation === 'InsertObject')).toHaveLength(3);
  });
});

describe('a server that hangs', () => {
  it.each(['put', 'get', 'list', 'delete', 'large put'] as const)('does not hang %s', async (operation) => {
    const { server, store } = await started();
    // Also where the connection was used before.
    await store.put('warm', text('x'), createOnly);
    server.faults.add({ do: { kind: 'hang' } });
    const call = {
      put: () => store.put('a', text('x'), createOnly),
      get: () => Array.fromAsync(store.get('a')),
      list: () => Array.fromAsync(store.list('')),
      delete: () => store.delete(['a']),
      'large put': () => store.put('a', patternBody(3 * CHUNK).body, createOnly),
    };
    await expect(call[operation]()).rejects.toMatchObject({
      code: 'STORAGE_UNREACHABLE',
      message: expect.stringMatching(/^ETIMEDOUT: /),
    });
  });

  it('where tokens come from does not hang either', async () => {
    const { server, store } = await started();
    server.faults.add({ when: { operation: 'Token' }, do: { kind: 'hang' } });
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
  });
});

describe('a download that breaks', () => {
  const half = { when: { operation: 'GetMedia' }, do: { kind: 'drop', at: 'half-response' } } as const;

  it('goes on where it stopped', async () => {
    const { server, store } = await started();
    const { body } = patternBody(3 * CHUNK);
    await store.put('a', body, createOnly);
    server.faults.add({ ...half, times: 2 });
    const expected = Buffer.concat(await Array.fromAsync(body.open()));
    expect(Buffer.compare(await readAll(store, 'a', 3 * CHUNK), expected)).toBe(0);
    const ranges = server.requests.flatMap(({ operation, headers }) =>
      operation === 'GetMedia' ? [headers.range] : [],
    );
    expect(ranges).toEqual([undefined, 'bytes=393216-786431', 'bytes=589824-786431']);
  });

  it('again and again is an error, never a short object', async () => {
    const { server, store } = await started();
    await store.put('a', text('short'), createOnly);
    server.faults.add(half);
    await expect(readAll(store, 'a', CHUNK)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
  });

  it('does not go on with another object', async () => {
    const { server, store } = await started();
    await store.put('a', patternBody(CHUNK).body, createOnly);
    server.faults.add({ ...half, times: 1 });
    const read = async () => {
      for await (const _ of store.get('a')) await store.put('a', patternBody(CHUNK).body, { createOnly: false });
    };
    await expect(read()).rejects.toMatchObject({ code: 'STORAGE_BROKEN' });
  });

  it('may be slow, as long as something comes', async () => {
    const { server, store } = await started();
    await store.put('a', patternBody(CHUNK / 4).body, createOnly);
    server.faults.add({ when: { operation: 'GetMedia' }, do: { kind: 'slow', bytesPerSecond: 60_000 } });
    expect(await readAll(store, 'a', CHUNK / 4)).toHaveLength(CHUNK / 4);
    expect(server.requests.filter((request) => request.operation === 'GetMedia')).toHaveLength(1);
  });
});
