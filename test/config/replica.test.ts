import { describe, expect, it } from 'vitest';
import type { ReplicaConfig } from '../../src/config/config.ts';
import { replicaFromUrl } from '../../src/config/load.ts';
import type { S3StoreOptions } from '../../src/storage/store-options.ts';
import { contextOf, errorOf, errorOfText, loadText, type Surroundings, withReplica } from './load-text.ts';

function replicaOf(lines: readonly string[], around: Surroundings = {}, top = ''): ReplicaConfig {
  const [replica] = loadText(top + withReplica(...lines), around).databases[0]?.replicas ?? [];
  if (replica === undefined) throw new Error('not configured');
  return replica;
}
const s3Of = (...input: Parameters<typeof replicaOf>): S3StoreOptions => replicaOf(...input).store as S3StoreOptions;
const key32 = Buffer.alloc(32, 7).toString('base64');

describe('a folder', () => {
  it.each([
    ['path: /backup', '/backup'],
    ['path: backup', '/work/backup'],
    ['path: ~/backup', '/home/user/backup'],
    ['url: file:///backup/a', '/backup/a'],
    ['url: file:/backup', '/backup'],
    ['url: file:relative/path', '/work/relative/path'],
    ['url: file:~/backup', '/home/user/backup'],
    ['url: file://backup/a', '/backup/a'],
    ['url: /backup', '/backup'],
    ['url: ./backup', '/work/backup'],
  ])('%s is %s', (line, expected) => {
    expect(replicaOf([line])).toMatchObject({ name: 'file', store: { type: 'file', path: expected } });
  });
});

describe('an S3 URL', () => {
  it.each([
    ['s3://bucket/path', { bucket: 'bucket', path: 'path', endpoint: undefined, forcePathStyle: false }],
    ['s3://bucket', { bucket: 'bucket', path: '' }],
    ['s3://bucket/a//b/', { bucket: 'bucket', path: 'a/b' }],
    ['s3://bucket/a%20b', { path: 'a b' }],
    [
      's3://bucket.localhost:9000/p',
      { bucket: 'bucket', endpoint: 'http://localhost:9000', region: 'us-east-1', forcePathStyle: true },
    ],
    [
      's3://b.s3.us-west-2.amazonaws.com/p',
      { bucket: 'b', region: 'us-west-2', endpoint: undefined, forcePathStyle: false },
    ],
    ['s3://a.b.s3.amazonaws.com/p', { bucket: 'a.b', region: undefined, endpoint: undefined }],
    [
      's3://b.nyc3.digitaloceanspaces.com/p',
      { bucket: 'b', region: 'nyc3', endpoint: 'https://nyc3.digitaloceanspaces.com', forcePathStyle: false },
    ],
    [
      's3://b.s3.us-west-000.backblazeb2.com/p',
      { bucket: 'b', region: 'us-west-000', endpoint: 'https://s3.us-west-000.backblazeb2.com', forcePathStyle: true },
    ],
    ['s3://b.s3.filebase.com/p', { bucket: 'b', endpoint: 'https://s3.filebase.com', forcePathStyle: true }],
    ['s3://b.s3.fr-par.scw.cloud/p', { bucket: 'b', region: 'fr-par', endpoint: 'https://s3.fr-par.scw.cloud' }],
    [
      's3://arn:aws:s3:eu-west-1:123456789012:accesspoint/mine/p/q',
      { bucket: 'arn:aws:s3:eu-west-1:123456789012:accesspoint/mine', region: 'eu-west-1', path: 'p/q' },
    ],
    ['s3://b/p?endpoint=localhost:9000', { bucket: 'b', endpoint: 'http://localhost:9000', forcePathStyle: true }],
    [
      's3://b/p?endpoint=s3.example.com&region=eu',
      { endpoint: 'https://s3.example.com', region: 'eu', forcePathStyle: true },
    ],
    ['s3://b/p?endpoint=s3.example.com&forcePathStyle=false', { forcePathStyle: false }],
    ['s3://b/p?force-path-style=true', { forcePathStyle: true }],
    ['s3://b/p?skipVerify=true&sign-payload=1', { skipVerify: true, signPayload: true }],
    [
      's3://b/p?partSize=8388608&concurrency=4&storageClass=STANDARD_IA',
      { partSize: 8_388_608, concurrency: 4, storageClass: 'STANDARD_IA' },
    ],
    ['s3://b/p?region=', { region: undefined }],
  ])('%s', (url, expected) => {
    expect(s3Of([`url: "${url}"`])).toMatchObject({ type: 's3', ...expected });
    expect(replicaFromUrl(url, contextOf({})).store).toMatchObject({ type: 's3', ...expected });
  });

  it('gives way to the replica’s own keys and wins over the file’s defaults', () => {
    const top = 'region: top\nstorage-class: GLACIER_IR\n';
    expect(s3Of(['url: s3://b/p?region=url', 'region: own'], {}, top)).toMatchObject({
      region: 'own',
      storageClass: 'GLACIER_IR',
    });
    expect(s3Of(['url: s3://b/p?region=url'], {}, top).region).toBe('url');
    expect(s3Of(['url: s3://b/p'], {}, top).region).toBe('top');
  });

  it.each([
    ['url: s3://b/p?regoin=x', 'CONFIG_UNKNOWN_KEY', '"regoin"'],
    ['url: s3://b/p?secret-access-key=topsecret', 'CONFIG_VALUE', 'URLs end up in logs'],
    ['url: s3://id:topsecret@b/p', 'CONFIG_VALUE', 'credentials'],
    ['url: s3://localhost:9000/b/p', 'CONFIG_VALUE', 'no name of a bucket'],
    ['url: s3://10.0.0.1:9000/b/p', 'CONFIG_VALUE', 'no name of a bucket'],
    ['url: s3:///p', 'CONFIG_VALUE', 'no "bucket"'],
    ['url: ftp://h/topsecret', 'CONFIG_VALUE', 'names no kind of store'],
    ['url: file:///r?x=1', 'CONFIG_UNKNOWN_KEY', '"x"'],
    ['url: "s3://b/p?concurrency=many"', 'CONFIG_VALUE', '"concurrency" is "many"'],
    ['url: webdav://h/p', 'CONFIG_UNSUPPORTED', 'replicas of type webdav are not supported'],
    ['url: sftp://user:topsecret@h/p', 'CONFIG_UNSUPPORTED', 'type sftp'],
    ['url: nats://h/b', 'CONFIG_UNSUPPORTED', 'replicas of type nats are not supported'],
    ['url: oss://b/p', 'CONFIG_UNSUPPORTED', 'replicas of type oss are not supported'],
  ])('%s is refused', (line, code, message) => {
    const error = errorOfText(withReplica(line));
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(`${error.message} ${error.hint}`).not.toContain('topsecret');
  });

  it('excludes what it names itself', () => {
    expect(errorOfText(withReplica('url: s3://b/p', 'bucket: c')).message).toContain(
      ':5:17: "bucket" and "url" are both given',
    );
    expect(errorOfText(withReplica('url: s3://b/p', 'type: file')).message).toContain(
      '"type" is file, and "url" names type s3',
    );
  });

  it('may be a folder on the command line, and must not be nothing', () => {
    expect(replicaFromUrl('replica', contextOf({})).store).toEqual({ type: 'file', path: '/work/replica' });
    expect(errorOf(() => replicaFromUrl(' ', contextOf({}))).code).toBe('CONFIG_VALUE');
  });
});

describe('an S3 replica', () => {
  it('takes every key of its type', () => {
    const lines = [
      'type: s3',
      'name: offsite',
      'bucket: b',
      'path: /p/',
      'endpoint: https://s3.example.com/',
      'region: eu',
      'access-key-id: 0012',
      'secret-access-key: s',
      'session-token: t',
      'force-path-style: no',
      'skip-verify: true',
      'sign-payload: true',
      'storage-class: STANDARD_IA',
      'sse-kms-key-id: alias/k',
      'part-size: 16MiB',
      'concurrency: 3',
      'sync-interval: 1m',
    ];
    expect(replicaOf(lines)).toMatchObject({
      name: 'offsite',
      syncInterval: 60_000,
      store: {
        type: 's3',
        bucket: 'b',
        path: '/p/',
        endpoint: 'https://s3.example.com',
        region: 'eu',
        forcePathStyle: false,
        credentials: { accessKeyId: '0012', secretAccessKey: 's', sessionToken: 't' },
        skipVerify: true,
        signPayload: true,
        storageClass: 'STANDARD_IA',
        serverSideEncryption: { kind: 'aws:kms', keyId: 'alias/k' },
        partSize: 16 * 1024 ** 2,
        concurrency: 3,
      },
    });
  });

  it('takes the file’s top level as defaults', () => {
    const top =
      'bucket: shared\nendpoint: s3.example.com\naccess-key-id: id\nsecret-access-key: s\nsync-interval: 5s\n';
    expect(replicaOf(['type: s3', 'path: p'], {}, top)).toMatchObject({
      syncInterval: 5000,
      store: { bucket: 'shared', endpoint: 'https://s3.example.com', credentials: { accessKeyId: 'id' } },
    });
  });

  it.each([
    ['minio:9000', 'https://minio:9000', true],
    ['localhost:9000', 'http://localhost:9000', true],
    ['127.0.0.1:9000', 'http://127.0.0.1:9000', true],
    ['192.168.1.5', 'http://192.168.1.5', true],
    ['172.20.0.2:9000', 'http://172.20.0.2:9000', true],
    ['172.200.0.2:9000', 'https://172.200.0.2:9000', true],
    ['nas.local', 'http://nas.local', true],
    ['s3.eu-west-1.amazonaws.com', 'https://s3.eu-west-1.amazonaws.com', false],
  ])('with endpoint %s speaks to %s, path style %s', (endpoint, url, forcePathStyle) => {
    expect(s3Of(['type: s3', 'bucket: b', `endpoint: ${endpoint}`])).toMatchObject({ endpoint: url, forcePathStyle });
  });

  it('takes credentials and region from the environment as Litestream does, AWS’s names first', () => {
    const of = (environment: Record<string, string>) => s3Of(['type: s3', 'bucket: b'], { environment });
    const litestream = { LITESTREAM_ACCESS_KEY_ID: 'l', LITESTREAM_SECRET_ACCESS_KEY: 'ls' };
    const aws = {
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'as',
      AWS_SESSION_TOKEN: 't',
      AWS_REGION: 'eu-west-3',
    };
    expect(of(litestream).credentials).toEqual({ accessKeyId: 'l', secretAccessKey: 'ls', sessionToken: undefined });
    expect(of({ ...litestream, ...aws })).toMatchObject({
      region: 'eu-west-3',
      credentials: { accessKeyId: 'a', secretAccessKey: 'as', sessionToken: 't' },
    });
    expect(of({ ...aws, AWS_PROFILE: 'p' }).credentials).toBeUndefined();
    expect(of({}).credentials).toBeUndefined();
    expect(errorOf(() => of({ AWS_ACCESS_KEY_ID: 'a' }))).toMatchObject({
      code: 'CONFIG_ENVIRONMENT',
      message: expect.stringContaining('AWS_SECRET_ACCESS_KEY'),
    });
  });

  it('takes a customer’s encryption key, itself or from a file', () => {
    const customer = { kind: 'customer', algorithm: 'AES256', keyBase64: key32 };
    expect(s3Of(['type: s3', 'bucket: b', `sse-customer-key: ${key32}`]).serverSideEncryption).toMatchObject(customer);
    const around = { files: { '/home/user/key': `${key32}\n` } };
    const lines = ['type: s3', 'bucket: b', 'sse-customer-key-path: ~/key'];
    expect(s3Of(lines, around).serverSideEncryption).toMatchObject(customer);
  });

  it.each([
    [['sse: AES256'], { kind: 'AES256' }],
    [['sse: aws:kms'], { kind: 'aws:kms', keyId: undefined }],
    [['sse: aws:kms', 'sse-kms-key-id: alias/k'], { kind: 'aws:kms', keyId: 'alias/k' }],
    [['sse-kms-key-id: alias/k'], { kind: 'aws:kms', keyId: 'alias/k' }],
    [[], undefined],
  ])('with %j has the store encrypt as %j', (lines, encryption) => {
    expect(s3Of(['type: s3', 'bucket: b', ...lines]).serverSideEncryption).toEqual(encryption);
  });

  it.each([
    [['access-key-id: topsecret'], '"access-key-id" is given and "secret-access-key" is not'],
    [['endpoint: "http://id:topsecret@h"'], '"endpoint" is no address of a server'],
    [['sse-customer-key: topsecret'], 'gives no key of 32 bytes'],
    [['sse-customer-key-path: /no'], 'gives no key of 32 bytes'],
    [['sse-customer-key: topsecret', 'sse-kms-key-id: k'], 'exclude each other'],
    [['sse-customer-algorithm: AES256'], 'without a key'],
    [['sse: AES256', 'sse-kms-key-id: k'], '"sse" and "sse-kms-key-id" exclude each other'],
    [['sse: aws:kms', `sse-customer-key: ${key32}`], '"sse" and "sse-customer-key" exclude each other'],
    [['sse: aws:kms', 'sse-customer-algorithm: AES256'], 'without a key'],
    [['sse: KMS'], '"sse" is "KMS"'],
    [['part-size: 1MB'], 'outside 5MiB to 5GiB'],
    [['concurrency: 0'], '"concurrency" is "0"'],
    [['account-key: topsecret'], '"account-key" belongs to replicas of type abs; this one is of type s3'],
  ])('with %j is refused', (lines, message) => {
    const error = errorOfText(withReplica('type: s3', 'bucket: b', ...lines));
    expect(error.message).toContain(message);
    expect(`${error.message} ${error.hint}`).not.toContain('topsecret');
  });

  it.each([
    [['bucket: b'], 'the replica has a "bucket" and no "type"'],
    [['type: s3'], 'the s3 replica has no "bucket"'],
    [['type: s3', 'bucket: s3://b'], '"bucket" is no name of a bucket'],
    [['type: file', 'path: s3://b/p'], '"path" is a URL'],
    [['type: file', 'path: /r', 'region: x'], '"region" belongs to replicas of type s3'],
    [['name: only'], 'the file replica has no "path"'],
    [['type: azure', 'bucket: b'], '"type" is "azure"'],
  ])('%j is refused', (lines, message) => {
    expect(errorOfText(withReplica(...lines)).message).toContain(message);
  });
});

describe('the limit on uploads', () => {
  it('is none, or the replica’s own, or the file’s', () => {
    expect(replicaOf(['path: /r']).maxUploadRate).toBeUndefined();
    expect(replicaOf(['path: /r'], {}, 'max-upload-rate: 5MB\n').maxUploadRate).toBe(5_000_000);
    expect(replicaOf(['path: /r', 'max-upload-rate: 1MiB'], {}, 'max-upload-rate: 5MB\n').maxUploadRate).toBe(1 << 20);
  });

  it('leaves something to upload with', () => {
    const error = errorOfText(withReplica('path: /r', 'max-upload-rate: 0'));
    expect(error.message).toContain('outside 16KiB to any');
  });
});

describe('names', () => {
  it('are unique, and given ones are kept', () => {
    const text = `dbs: [{path: /a.db, replicas: [{path: /1}, {path: /2, name: file-2}, {path: /3}, {path: /4}]}]`;
    expect(loadText(text).databases[0]?.replicas.map(({ name }) => name)).toEqual([
      'file',
      'file-2',
      'file-3',
      'file-4',
    ]);
    const twice = `dbs: [{path: /a.db, replicas: [{path: /1, name: x}, {path: /2, name: x}]}]`;
    expect(errorOfText(twice).message).toContain('"name" is given to two replicas: x');
  });
});

describe('a variable that is not set', () => {
  const notConfigured = (lines: readonly string[], environment = {}) =>
    loadText(withReplica(...lines), { environment }).databases[0]?.notConfigured;

  it.each([
    [['type: s3', 'bucket: $B'], 's3', ['B']],
    [['type: s3', `bucket: "\${B}-\${C}"`], 's3', ['B', 'C']],
    [['type: s3', `bucket: "\${B:-}"`], 's3', ['B']],
    [['type: file', 'path: $DIR/replica'], 'file', ['DIR']],
    [['url: $URL'], 's3', ['URL']],
    [['url: s3://$B/p'], 's3', ['B']],
    [['url: file://$DIR'], 'file', ['DIR']],
    [['type: gcs', 'bucket: $B'], 'gcs', ['B']],
  ])('%j: the replica is not configured', (lines, name, variables) => {
    expect(notConfigured(lines)).toMatchObject([{ name, variables }]);
  });

  it('or one that is set to nothing: the same', () => {
    expect(notConfigured(['type: s3', 'bucket: $B'], { B: '' })).toMatchObject([{ variables: ['B'] }]);
  });

  it('makes an optional key as good as not given', () => {
    const lines = ['type: s3', 'bucket: b', 'path: $P', 'endpoint: $E', 'sync-interval: $I', 'access-key-id: $K'];
    expect(s3Of(lines)).toMatchObject({ path: '', endpoint: undefined, credentials: undefined });
    expect(s3Of(['url: "s3://b/p?region=$R"']).region).toBeUndefined();
  });

  it('in the middle of a value is a mistake: the place would be another than meant', () => {
    const error = errorOfText(withReplica('type: s3', 'bucket: b', 'path: db/$NODE'));
    expect(error).toMatchObject({
      code: 'CONFIG_ENVIRONMENT',
      message: expect.stringContaining(':6:15: "path" needs NODE'),
    });
    expect(errorOfText(withReplica('url: s3://b/$NODE')).message).toContain('"url" needs NODE for its path');
    expect(errorOfText(withReplica('path: /r', `sync-interval: \${N}s`)).message).toContain('"sync-interval" needs N');
  });

  it('a whole URL may come from a variable that is set', () => {
    expect(s3Of(['url: $URL'], { environment: { URL: 's3://b/p?region=eu' } })).toMatchObject({
      bucket: 'b',
      region: 'eu',
    });
  });

  it('stays as it is written under -no-expand-env', () => {
    expect(replicaOf(['path: /r/$X'], { flags: { noExpandEnvironment: true } }).store.path).toBe('/r/$X');
  });

  it('cannot make structure of what it holds', () => {
    const environment = { P: 'x\n    evil: true # {[' };
    expect(s3Of(['type: s3', 'bucket: b', 'path: $P'], { environment }).path).toBe(environment.P);
  });
});
