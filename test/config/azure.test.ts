import { describe, expect, it } from 'vitest';
import { replicaFromUrl } from '../../src/config/load.ts';
import { azureSecretsOf } from '../../src/storage/azure/secrets.ts';
import type { AzureStoreOptions } from '../../src/storage/store-options.ts';
import { guideExamples } from './guide-examples.ts';
import { contextOf, errorOfText, load, loadText, type Surroundings, withReplica } from './load-text.ts';

const key = 'dG9wc2VjcmV0';
const sas = 'sv=2024-11-04&ss=b&srt=co&sp=rwdlc&sig=top%2Bsecret%3D';
const connectionString = `DefaultEndpointsProtocol=https;AccountName=account;AccountKey=${key};EndpointSuffix=core.windows.net`;

function azureOf(lines: readonly string[], around: Surroundings = {}, top = ''): AzureStoreOptions {
  const store = loadText(top + withReplica(...lines), around).databases[0]?.replicas[0]?.store;
  if (store?.type !== 'abs') throw new Error(`not on Azure: ${JSON.stringify(store)}`);
  return store;
}

const place = ['type: abs', 'container: c', 'account-name: account'];

describe('an Azure replica', () => {
  it('takes every key of its type', () => {
    const lines = [...place, 'path: p', `account-key: ${key}`, 'endpoint: http://127.0.0.1:10000/account/'];
    expect(azureOf(lines)).toEqual({
      type: 'abs',
      container: 'c',
      path: 'p',
      accountName: 'account',
      endpoint: 'http://127.0.0.1:10000/account',
      credentials: { kind: 'account-key', accountKey: key },
    });
  });

  it('has its container in "bucket", as in Litestream, or in "container"', () => {
    expect(azureOf(['type: abs', 'bucket: c', 'account-name: account']).container).toBe('c');
    const two = withReplica(...place, 'bucket: d');
    expect(errorOfText(two).message).toContain('"bucket" and "container" are both given');
    expect(azureOf(place, {}, 'bucket: default\n').container).toBe('c');
  });

  it('may be a URL that names the account', () => {
    const expected = { container: 'c', path: 'a/b', accountName: 'account', credentials: undefined };
    expect(azureOf(['url: abs://account@c/a/b'])).toMatchObject(expected);
    expect(replicaFromUrl('abs://account@c/a/b', contextOf({})).store).toMatchObject(expected);
    expect(azureOf(['url: abs://c/a', 'account-name: account']).accountName).toBe('account');
    expect(azureOf(['url: "abs://account@c?endpoint=https://h/account"']).endpoint).toBe('https://h/account');
  });

  it('takes a signature before a key, a connection string alone, or none for the machine’s identity', () => {
    expect(azureOf([...place, `sas-token: "${sas}"`, `account-key: ${key}`]).credentials).toEqual({
      kind: 'sas-token',
      sasToken: sas,
    });
    const whole = azureOf(['type: abs', 'container: c', `connection-string: "${connectionString}"`]);
    expect(whole).toMatchObject({
      accountName: undefined,
      credentials: { kind: 'connection-string', connectionString },
    });
    expect(azureOf(place).credentials).toBeUndefined();
    expect(azureOf([...place, 'account-key: $UNSET']).credentials).toBeUndefined();
    expect(azureOf([...place, `account-key: ${key}`], {}, `sas-token: "${sas}"\n`).credentials?.kind).toBe(
      'account-key',
    );
  });

  it('takes Litestream’s variables and the guide’s where it has no credentials of its own', () => {
    const of = (environment: Record<string, string>) => azureOf(place, { environment }).credentials;
    expect(of({ LITESTREAM_ABS_ACCOUNT_KEY: key })).toEqual({ kind: 'account-key', accountKey: key });
    expect(of({ LITESTREAM_ABS_ACCOUNT_KEY: 'b3RoZXI=', LITESTREAM_AZURE_ACCOUNT_KEY: key })).toMatchObject({
      accountKey: key,
    });
    expect(of({ LITESTREAM_AZURE_SAS_TOKEN: sas, LITESTREAM_AZURE_ACCOUNT_KEY: key })).toMatchObject({ sasToken: sas });
  });

  it('of the guide comes from its variables', () => {
    const environment = {
      LITESTREAM_ABS_BUCKET: 'backups',
      LITESTREAM_ABS_ACCOUNT_NAME: 'account',
      LITESTREAM_ABS_ACCOUNT_KEY: key,
    };
    const expected = {
      name: 'abs',
      store: { container: 'backups', path: 'station-db', accountName: 'account', credentials: { accountKey: key } },
    };
    expect(loadText(guideExamples['abs'] ?? '', { environment }).databases[0]?.replicas).toMatchObject([expected]);
    expect(load({ environment }).databases[0]?.replicas).toMatchObject([expected]);
    const { LITESTREAM_ABS_ACCOUNT_NAME: _, ...nameless } = environment;
    expect(errorOfText(guideExamples['abs'] ?? '', { environment: nameless })).toMatchObject({
      message: expect.stringContaining('no "account-name"'),
      hint: 'set LITESTREAM_ABS_ACCOUNT_NAME',
    });
  });

  it('may be all that the environment says, with a signature or a connection string', () => {
    const of = (environment: Record<string, string>) => load({ environment }).databases[0]?.replicas[0]?.store;
    expect(of({ LITESTREAM_ABS_BUCKET: 'c', LITESTREAM_ABS_CONNECTION_STRING: connectionString })).toMatchObject({
      credentials: { connectionString },
    });
    const signed = {
      LITESTREAM_ABS_BUCKET: 'c',
      LITESTREAM_ABS_ACCOUNT_NAME: 'account',
      LITESTREAM_ABS_SAS_TOKEN: sas,
    };
    expect(of({ ...signed, LITESTREAM_ABS_PATH: 'p' })).toMatchObject({ path: 'p', credentials: { sasToken: sas } });
  });

  it.each([
    [['type: abs', 'account-name: account'], 'the abs replica has no "bucket"'],
    [['type: abs', 'container: c'], 'no "account-name"'],
    [['type: abs', 'container: c', 'endpoint: https://h', `account-key: ${key}`], 'no "account-name"'],
    [['type: abs', 'container: c', 'account-name: topsecret.example.com/'], 'no name of a storage account'],
    [['type: abs', 'container: https://h/c', 'account-name: account'], '"container" is no name of a bucket'],
    [[...place, 'endpoint: http://h/account'], 'over which no identity is sent'],
    [[...place, 'account-key: "top secret"'], '"account-key" is not base64'],
    [[...place, 'sas-token: topsecret'], '"sas-token" is no shared access signature'],
    [[...place, 'connection-string: topsecret'], '"connection-string" is none'],
    [[...place, `connection-string: "${connectionString}"`, `account-key: ${key}`], '"account-key" is given'],
    [[...place, `connection-string: "${connectionString}"`, 'endpoint: https://h'], '"endpoint" is given'],
    [['url: abs://account:topsecret@c/p'], '"url" holds credentials'],
    [['url: "abs://account@c/p?sas-token=topsecret"'], 'URLs end up in logs'],
    [['url: abs://account@c/p', 'container: d'], '"container" and "url" are both given'],
  ])('with %j is refused', (lines, message) => {
    const error = errorOfText(withReplica(...lines));
    expect(error.message).toContain(message);
    expect(`${error.message} ${error.hint}`).not.toMatch(/top ?secret|dG9wc2VjcmV0/);
  });

  it('is in the same place as another one of the same account, container and path', () => {
    const two = (second: string) => `dbs: [{path: /a.db, replicas: [{url: 'abs://account@c/p'}, {url: '${second}'}]}]`;
    expect(errorOfText(two('abs://account@c/p/')).message).toContain('is listed at');
    expect(loadText(two('abs://another@c/p')).databases[0]?.replicas).toHaveLength(2);
  });
});

describe('what must not be shown', () => {
  it('is each secret, and its parts', () => {
    const of = (credentials: AzureStoreOptions['credentials']) => azureSecretsOf({ ...azureOf(place), credentials });
    expect(of(undefined)).toEqual([]);
    expect(of({ kind: 'account-key', accountKey: key })).toEqual([key]);
    expect(of({ kind: 'sas-token', sasToken: sas })).toEqual([sas, 'top%2Bsecret%3D', 'top+secret=']);
    expect(of({ kind: 'connection-string', connectionString })).toEqual([connectionString, key]);
  });
});
