import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { milliseconds } from '../../../src/quantities.ts';
import { azureError } from '../../../src/storage/azure/errors.ts';
import type { AzureStoreSettings } from '../../../src/storage/azure/settings.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import type { AzureStoreOptions } from '../../../src/storage/store-options.ts';
import { createOnly, text } from '../impatient.ts';

const operation = { permission: 'read', url: 'abs://account@container/key' } as const;
const settings = { connectTimeout: milliseconds(500), idleTimeout: milliseconds(500), attempts: 1 };
const options = (changes: Partial<AzureStoreOptions>): AzureStoreOptions => ({
  type: 'abs',
  container: 'container',
  path: 'root',
  accountName: 'account',
  endpoint: undefined,
  credentials: { kind: 'account-key', accountKey: 'aGVsbG8=' },
  ...changes,
});

afterEach(() => vi.unstubAllEnvs());

/** A store whose server answers everything alike. */
async function answered(
  status: number,
  headers: Readonly<Record<string, string>>,
  body = '',
  changes: Partial<AzureStoreSettings> = {},
) {
  const server = createServer((request, response) => {
    request.resume().once('end', () => response.writeHead(status, headers).end(body));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/account`;
  const store = await openStore(options({ endpoint }), { ...settings, ...changes });
  onTestFinished(() => store.close());
  return store;
}

describe('what Azure answers', () => {
  it.each([
    [500, 'InternalError', 'STORAGE_UNREACHABLE'],
    [500, 'OperationTimedOut', 'STORAGE_UNREACHABLE'],
    [503, 'ServerBusy', 'STORAGE_THROTTLED'],
    [429, 'TooManyRequests', 'STORAGE_THROTTLED'],
    [403, 'AuthenticationFailed', 'STORAGE_DENIED'],
    [403, 'AuthorizationFailure', 'STORAGE_DENIED'],
    [403, 'AuthorizationPermissionMismatch', 'STORAGE_DENIED'],
    [401, 'NoAuthenticationInformation', 'STORAGE_DENIED'],
    [404, 'ContainerNotFound', 'STORAGE_NOT_FOUND'],
    [409, 'ContainerBeingDeleted', 'STORAGE_UNREACHABLE'],
    [412, 'LeaseIdMissing', 'STORAGE_DENIED'],
    [400, 'SomethingNew', 'STORAGE_BROKEN'],
  ])('%i %s is %s', async (status, word, code) => {
    const body = `<?xml version="1.0"?><Error><Code>${word}</Code><Message>Why.\nRequestId:1\nTime:2</Message></Error>`;
    const store = await answered(status, { 'x-ms-error-code': word, 'content-type': 'application/xml' }, body);
    const message = expect.stringMatching(new RegExp(`^${word}: .*container`));
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({ code, message });
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code, message });
    await expect(Array.fromAsync(store.get('a'))).rejects.toMatchObject({ code, message });
    await expect(store.delete(['a'])).rejects.toMatchObject({ code, message });
  });

  it('names the permission that is lacking', async () => {
    const store = await answered(403, { 'x-ms-error-code': 'AuthorizationPermissionMismatch' });
    const hint = (permission: string) => ({ hint: expect.stringContaining(permission) });
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject(hint('write (w)'));
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject(hint('list (l)'));
    await expect(Array.fromAsync(store.get('a'))).rejects.toMatchObject(hint('read (r)'));
    await expect(store.delete(['a'])).rejects.toMatchObject(hint('delete (d)'));
  });

  it('to a signature that may only create is "already there" where a blob is', async () => {
    const store = await answered(403, { 'x-ms-error-code': 'UnauthorizedBlobOverwrite' });
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
    await expect(store.put('a', text('x'), { createOnly: false })).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
  });
});

describe('an answer that is not Azure’s', () => {
  it.each([
    [502, '<html><body>Bad Gateway</body></html>', 'STORAGE_UNREACHABLE'],
    [503, 'no healthy upstream', 'STORAGE_THROTTLED'],
    [403, '', 'STORAGE_DENIED'],
    [200, '<html><body>Please log in</body></html>', 'STORAGE_BROKEN'],
    [200, '', 'STORAGE_BROKEN'],
    [201, '', 'STORAGE_BROKEN'],
  ])('(%i %j) is %s, never an empty list or a stored object', async (status, body, code) => {
    const store = await answered(status, { 'content-type': 'text/html' }, body);
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code });
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({ code });
  });
});

describe('where no answer comes', () => {
  it('a name that does not exist is unreachable', async () => {
    const store = await openStore(options({ endpoint: 'http://no-such-host.invalid' }), settings);
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({
      code: 'STORAGE_UNREACHABLE',
      message: expect.stringMatching(/^E[A-Z_]+: /),
    });
  });

  it('a certificate that is not trusted says what to do', () => {
    const error = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(azureError(error, operation)).toMatchObject({
      code: 'STORAGE_UNREACHABLE',
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
  });

  it('never has a signature in it', () => {
    const error = new Error('GET https://account.blob.core.windows.net/c?sv=1&sig=hush%2Bhush&se=2 failed');
    expect(azureError(error, operation).message).not.toContain('hush');
  });

  it('no identity anywhere is a refusal, found out by the first request', async () => {
    // Of the chain only what needs no network: nothing here has a token.
    vi.stubEnv('AZURE_TOKEN_CREDENTIALS', 'EnvironmentCredential');
    for (const name of ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'AZURE_CLIENT_SECRET']) vi.stubEnv(name, undefined);
    const store = await openStore(options({ credentials: undefined }), settings);
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: expect.stringMatching(/^\w+Error: /),
      hint: expect.stringContaining('identity'),
    });
  });
});
