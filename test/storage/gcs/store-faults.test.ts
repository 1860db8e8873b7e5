import { describe, expect, it } from 'vitest';
import { createOnly, hasty, text } from '../impatient.ts';
import { started } from './started.ts';

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
});

it('a server of tokens that hangs does not hang us', async () => {
  const { server, store } = await started({}, hasty);
  server.faults.add({ when: { operation: 'Token' }, do: { kind: 'hang' } });
  await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
});
