import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  ContainerSASPermissions,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { milliseconds } from '../../../src/quantities.ts';
import { readAll } from '../../../src/storage/object-body.ts';
import { type Azurite, startAzurite } from '../../servers/azurite.ts';
import { describeRemoteStore } from '../conformance.ts';
import { createOnly, PART, text } from '../impatient.ts';
import { patternBody } from '../pattern-body.ts';
import { azureBackend, wrongKey } from './backend.ts';
import { started } from './started.ts';

describeRemoteStore('Azure Blob Storage (azurite)', azureBackend);

let server: Azurite;
beforeAll(async () => {
  server = await startAzurite();
});
afterAll(() => server.stop());

describe('what stock Litestream finds', () => {
  it.each([
    ['db/one', 'db/one/ltx/0/a.ltx'],
    ['', 'ltx/0/a.ltx'],
    ['db//one/', 'db/one/ltx/0/a.ltx'],
    ['/db', '/db/ltx/0/a.ltx'],
  ])('under the path %j is %j', async (path, name) => {
    const { store, keys } = await started(server, { path });
    await store.put('ltx/0/a.ltx', text('x'), createOnly);
    expect(await keys()).toEqual([name]);
    expect((await Array.fromAsync(store.list('ltx/'))).map((info) => info.key)).toEqual(['ltx/0/a.ltx']);
  });

  it('carries timestamp and type, in one request as in blocks', async () => {
    const { store, container } = await started(server);
    const timestamp = milliseconds(Date.UTC(2026, 10, 25, 7, 46, 36, 900));
    await store.put('small', text('x'), { ...createOnly, timestamp });
    await store.put('large', patternBody(3 * PART).body, { ...createOnly, timestamp });
    for (const key of ['small', 'large']) {
      const properties = await container.getBlobClient(`root/${key}`).getProperties();
      expect(properties.metadata).toEqual({ litestreamtimestamp: '2026-11-25T07:46:36.900Z' });
      expect(properties.contentType).toBe('application/octet-stream');
    }
  });
});

describe('an upload in blocks', () => {
  it('is what was given, whatever the size around the block’s', async () => {
    const { store } = await started(server);
    for (const size of [PART - 1, PART, PART + 1, 5 * PART, 5 * PART + 17]) {
      const { body } = patternBody(size);
      await store.put(`${size}`, body, createOnly);
      const expected = Buffer.concat(await Array.fromAsync(body.open()));
      expect(Buffer.compare(await readAll(store, `${size}`, size), expected)).toBe(0);
    }
  });

  it('lets one of several racers win, with its own blocks alone', async () => {
    const { store } = await started(server);
    const racers = Array.from({ length: 6 }, () => patternBody(4 * PART).body);
    const outcomes = await Promise.allSettled(racers.map((body) => store.put('race', body, createOnly)));
    const won = racers.filter((_, racer) => outcomes[racer]?.status === 'fulfilled');
    expect(won).toHaveLength(1);
    const expected = Buffer.concat(await Array.fromAsync(won[0]?.open() ?? []));
    expect(Buffer.compare(await readAll(store, 'race', 4 * PART), expected)).toBe(0);
  });

  it('that is aborted leaves no blob', async () => {
    const { store, network, keys } = await started(server, {}, { idleTimeout: milliseconds(10_000) });
    await network.set({ kind: 'blackhole' });
    const reason = new Error('enough');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 100);
    const put = store.put('a', patternBody(4 * PART).body, { ...createOnly, signal: controller.signal });
    await expect(put).rejects.toBe(reason);
    expect(await keys()).toEqual([]);
  });
});

describe('credentials', () => {
  const key = () => new StorageSharedKeyCredential(server.accountName, server.accountKey);
  const inAnHour = () => new Date(Date.now() + 3_600_000);
  const accountSas = (changes: { readonly permissions?: string; readonly expiresOn?: Date } = {}) =>
    generateAccountSASQueryParameters(
      {
        permissions: AccountSASPermissions.parse(changes.permissions ?? 'rwlcd'),
        services: AccountSASServices.parse('b').toString(),
        resourceTypes: AccountSASResourceTypes.parse('co').toString(),
        expiresOn: changes.expiresOn ?? inAnHour(),
        protocol: SASProtocol.HttpsAndHttp,
      },
      key(),
    ).toString();

  it.each(['', '?'])('may be a shared access signature (written %j before it)', async (mark) => {
    const { store } = await started(server, {
      accountName: undefined,
      credentials: { kind: 'sas-token', sasToken: mark + accountSas() },
    });
    await store.put('a', text('x'), createOnly);
    await expect(store.put('a', text('y'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
    expect(await Array.fromAsync(store.list(''))).toMatchObject([{ key: 'a' }]);
    expect((await readAll(store, 'a', 9)).toString()).toBe('x');
    await store.delete(['a', 'b']);
  });

  it('may be a signature for one container', async () => {
    const first = await started(server);
    const sasToken = generateBlobSASQueryParameters(
      {
        containerName: first.container.containerName,
        permissions: ContainerSASPermissions.parse('rwlcd'),
        expiresOn: inAnHour(),
      },
      key(),
    ).toString();
    const { store } = await started(server, {
      container: first.container.containerName,
      credentials: { kind: 'sas-token', sasToken },
    });
    await store.put('a', text('x'), createOnly);
    expect(await first.keys()).toEqual(['root/a']);
  });

  it.each([
    ['the key', () => `AccountName=${server.accountName};AccountKey=${server.accountKey}`],
    ['a signature', () => `SharedAccessSignature=${accountSas()}`],
  ])('may be a connection string with %s', async (_, secret) => {
    const connectionString = `DefaultEndpointsProtocol=http;BlobEndpoint=${server.endpoint};${secret()}`;
    const { store, keys } = await started(server, {
      accountName: undefined,
      endpoint: undefined,
      credentials: { kind: 'connection-string', connectionString },
    });
    await store.put('a', text('x'), createOnly);
    expect(await keys()).toEqual(['root/a']);
    expect(store.url).toMatch(/^abs:\/\/station@container-\d+\/root$/);
  });

  it('that are no connection string are refused at once, without being repeated', async () => {
    const opening = started(server, {
      credentials: { kind: 'connection-string', connectionString: 'AccountKey=hush-hush' },
    });
    await expect(opening).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: expect.not.stringContaining('hush'),
    });
  });

  it.each([
    ['a wrong key', () => ({ kind: 'account-key', accountKey: wrongKey }) as const],
    [
      'a wrong signature',
      () => ({ kind: 'sas-token', sasToken: accountSas().replace(/sig=..../, 'sig=AAAA') }) as const,
    ],
    ['an expired signature', () => ({ kind: 'sas-token', sasToken: accountSas({ expiresOn: new Date(0) }) }) as const],
    [
      'a signature that may only list',
      () => ({ kind: 'sas-token', sasToken: accountSas({ permissions: 'l' }) }) as const,
    ],
  ])('%s is a refusal, with a hint and without the secret', async (_, credentials) => {
    const given = credentials();
    const { store } = await started(server, { credentials: given });
    const error = await store.put('a', text('x'), createOnly).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STORAGE_DENIED', message: expect.stringMatching(/^Auth\w+: /) });
    const { message, hint } = error as { readonly message: string; readonly hint: string };
    const secrets =
      given.kind === 'account-key' ? [given.accountKey] : [given.sasToken, /sig=([^&]+)/.exec(given.sasToken)?.[1]];
    for (const secret of secrets) expect(`${message} ${hint}`).not.toContain(secret);
    await expect(readAll(store, 'a', 9)).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
    await expect(store.delete(['a'])).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
  });
});
