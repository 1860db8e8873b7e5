import { describe, expect, it } from 'vitest';
import { createOnly, text } from '../impatient.ts';
import { started } from './started.ts';

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
