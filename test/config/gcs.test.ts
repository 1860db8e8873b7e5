import { describe, expect, it } from 'vitest';
import { replicaFromUrl } from '../../src/config/load.ts';
import { gcsSecretsOf } from '../../src/storage/gcs/secrets.ts';
import type { GcsStoreOptions } from '../../src/storage/store-options.ts';
import { guideExamples } from './guide-examples.ts';
import { contextOf, errorOfText, load, loadText, type Surroundings, withReplica } from './load-text.ts';

const privateKey = '-----BEGIN PRIVATE KEY-----\ntopsecret\n-----END PRIVATE KEY-----\n';
const json = JSON.stringify({ type: 'service_account', private_key: privateKey });

function gcsOf(lines: readonly string[], around: Surroundings = {}, top = ''): GcsStoreOptions {
  const store = loadText(top + withReplica(...lines), around).databases[0]?.replicas[0]?.store;
  if (store?.type !== 'gs') throw new Error(`not on Google Cloud Storage: ${JSON.stringify(store)}`);
  return store;
}

describe('a replica on Google Cloud Storage', () => {
  it.each(['gcs', 'gs'])('takes every key of its type, which is written %s', (type) => {
    const lines = [`type: ${type}`, 'bucket: b', 'path: p', 'endpoint: localhost:4443'];
    expect(gcsOf([...lines, 'service-account-json-path: keys/gcs.json'])).toEqual({
      type: 'gs',
      bucket: 'b',
      path: 'p',
      endpoint: 'http://localhost:4443',
      credentials: { kind: 'file', path: '/work/keys/gcs.json' },
    });
  });

  it.each(['gs', 'gcs'])('may be a URL of the scheme %s', (scheme) => {
    const expected = { bucket: 'b', path: 'a/c', endpoint: undefined, credentials: undefined };
    expect(gcsOf([`url: ${scheme}://b/a/c`])).toMatchObject(expected);
    expect(replicaFromUrl(`${scheme}://b/a/c`, contextOf({})).store).toMatchObject(expected);
    expect(gcsOf([`url: "${scheme}://b?endpoint=https://h"`]).endpoint).toBe('https://h');
  });

  it('takes the key itself, as from a variable', () => {
    const given = { kind: 'json', json };
    const lines = ['type: gcs', 'bucket: b', 'service-account-json: $KEY'];
    expect(gcsOf(lines, { environment: { KEY: json } }).credentials).toEqual(given);
    expect(gcsOf(lines).credentials).toBeUndefined();
  });

  it('takes its own key before the file’s default, and that before GOOGLE_APPLICATION_CREDENTIALS', () => {
    const environment = { GOOGLE_APPLICATION_CREDENTIALS: '~/adc.json' };
    const place = ['type: gcs', 'bucket: b'];
    const top = 'service-account-json-path: /top.json\n';
    expect(gcsOf(place, { environment }).credentials).toEqual({ kind: 'file', path: '/home/user/adc.json' });
    expect(gcsOf(place, { environment }, top).credentials).toEqual({ kind: 'file', path: '/top.json' });
    const own = [...place, 'service-account-json-path: /own.json'];
    expect(gcsOf(own, { environment }, top).credentials).toEqual({ kind: 'file', path: '/own.json' });
  });

  it.each([
    [`{"type":"service_account","private_key":"topsecret"`, 'is no key of a service account'],
    ['topsecret', 'is no key of a service account'],
    ['[]', 'is no key of a service account'],
  ])('refuses the key %j, and does not show it', (text, message) => {
    const lines = ['type: gcs', 'bucket: b', `service-account-json: '${text}'`];
    const error = errorOfText(withReplica(...lines));
    expect(error).toMatchObject({ code: 'CONFIG_VALUE', message: expect.stringContaining(message) });
    expect(`${error.message} ${error.hint}`).not.toContain('topsecret');
  });

  it('refuses a key given twice', () => {
    const lines = ['type: gcs', 'bucket: b', 'service-account-json-path: /a', `service-account-json: '{"type":"x"}'`];
    expect(errorOfText(withReplica(...lines)).message).toContain('exclude each other');
  });

  it('is another place than a bucket of that name on S3, and the same as itself', () => {
    const both = ['{type: gcs, bucket: b, path: p}', '{type: s3, bucket: b, path: p}'];
    const text = (replicas: readonly string[]) => `dbs: [{path: /a, replicas: [${replicas.join(', ')}]}]\n`;
    expect(loadText(text(both)).databases[0]?.replicas.map(({ name }) => name)).toEqual(['gcs', 's3']);
    expect(errorOfText(text(['url: gs://b/p', 'url: gs://b/p/'].map((url) => `{${url}}`))).message).toContain(
      'is listed at',
    );
  });

  it('of the guide needs the bucket’s variable', () => {
    const text = guideExamples['gcs'] ?? '';
    expect(loadText(text).databases[0]).toMatchObject({
      replicas: [],
      notConfigured: [{ name: 'gcs', type: 'gs', variables: ['LITESTREAM_GCS_BUCKET'] }],
    });
    const { databases } = loadText(text, { environment: { LITESTREAM_GCS_BUCKET: 'backups' } });
    expect(databases[0]?.replicas).toMatchObject([
      {
        name: 'gcs',
        store: { type: 'gs', bucket: 'backups', credentials: { path: '/secrets/gcs-service-account.json' } },
      },
    ]);
  });

  it('comes from variables alone', () => {
    const environment = {
      LITESTREAM_GCS_BUCKET: 'backups',
      LITESTREAM_GCS_SERVICE_ACCOUNT_JSON_PATH: '/secrets/gcs.json',
      LITESTREAM_GCS_ENDPOINT: 'https://storage.example',
    };
    const store = load({ environment }).databases[0]?.replicas[0]?.store;
    expect(store).toEqual({
      type: 'gs',
      bucket: 'backups',
      path: 'station-db',
      endpoint: 'https://storage.example',
      credentials: { kind: 'file', path: '/secrets/gcs.json' },
    });
    const inline = { LITESTREAM_GCS_BUCKET: 'b', LITESTREAM_GCS_PATH: 'p', LITESTREAM_GCS_SERVICE_ACCOUNT_JSON: json };
    expect(load({ environment: inline }).databases[0]?.replicas[0]?.store).toMatchObject({
      path: 'p',
      credentials: { kind: 'json', json },
    });
  });

  it('has its key kept out of the log, however it may be quoted', () => {
    const place = { type: 'gs', bucket: 'b', path: '', endpoint: undefined } as const;
    const secrets = gcsSecretsOf({ ...place, credentials: { kind: 'json', json } });
    expect(secrets).toEqual(expect.arrayContaining([json, privateKey, privateKey.replaceAll('\n', '\\n')]));
    expect(gcsSecretsOf({ ...place, credentials: { kind: 'file', path: '/key.json' } })).toEqual([]);
    expect(gcsSecretsOf({ ...place, credentials: { kind: 'json', json: '{"type":"x"}' } })).toEqual(['{"type":"x"}']);
  });
});
