import { describe, expect, it } from 'vitest';
import { errorOf, errorOfText, load, loadText, withReplica } from './load-text.ts';

const fileConfig = (folder: string): string => withReplica(`path: ${folder}`);
const folderOf = (around: Parameters<typeof load>[0]): unknown => load(around).databases[0]?.replicas[0]?.store.path;

describe('where the file is found', () => {
  const everywhere = {
    '/work/named.yml': fileConfig('/named'),
    '/work/variable.yml': fileConfig('/variable'),
    '/config/litestream.yml': fileConfig('/config'),
    '/etc/litestream.yml': fileConfig('/etc'),
    '/home/user/.config/station/litestream.yml': fileConfig('/home'),
  };

  it('the flag wins over LITESTREAM_CONFIG, and that over the usual places in their order', () => {
    const environment = { LITESTREAM_CONFIG: 'variable.yml' };
    expect(folderOf({ files: everywhere, environment, flags: { config: 'named.yml' } })).toBe('/named');
    expect(folderOf({ files: everywhere, environment })).toBe('/variable');
    const files: Record<string, string> = { ...everywhere };
    for (const [place, folder] of [
      ['/config/litestream.yml', '/config'],
      ['/etc/litestream.yml', '/etc'],
      ['/home/user/.config/station/litestream.yml', '/home'],
    ] as const) {
      expect(folderOf({ files })).toBe(folder);
      delete files[place];
    }
  });

  it('a file that was named must be there', () => {
    expect(errorOf(() => load({ flags: { config: '/no.yml' } }))).toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      exitStatus: 78,
    });
    expect(errorOf(() => load({ environment: { LITESTREAM_CONFIG: '~/no.yml' } })).message).toContain(
      '/home/user/no.yml',
    );
  });

  it('LITESTREAM_CONFIG may come from .env', () => {
    expect(folderOf({ files: { ...everywhere, '/work/.env': 'LITESTREAM_CONFIG=/work/variable.yml' } })).toBe(
      '/variable',
    );
  });
});

describe('without a file', () => {
  it('there is Station’s database and no replica: ephemeral mode', () => {
    const config = load({});
    expect(config).toMatchObject({
      source: undefined,
      databases: [{ path: '/data/station.db', replicas: [], notConfigured: [] }],
      replicaVariables: [
        'LITESTREAM_S3_BUCKET',
        'LITESTREAM_GCS_BUCKET',
        'LITESTREAM_ABS_BUCKET',
        'LITESTREAM_FILE_PATH',
      ],
    });
  });

  it('variables alone configure an S3 replica', () => {
    const environment = {
      STATION_DATABASE: '~/station.db',
      LITESTREAM_S3_BUCKET: 'b',
      LITESTREAM_S3_ENDPOINT: 'minio.internal:9000',
      LITESTREAM_S3_ACCESS_KEY_ID: 'id',
      LITESTREAM_S3_SECRET_ACCESS_KEY_FILE: '/run/secrets/s3',
      LITESTREAM_S3_FORCE_PATH_STYLE: 'false',
      LITESTREAM_SYNC_INTERVAL: '1s',
    };
    const [database] = load({ environment, files: { '/run/secrets/s3': 'secret\n' } }).databases;
    expect(database?.path).toBe('/home/user/station.db');
    expect(database?.replicas).toMatchObject([
      {
        name: 's3',
        syncInterval: 1000,
        where: 'environment LITESTREAM_S3_BUCKET',
        store: {
          bucket: 'b',
          path: 'station-db',
          endpoint: 'https://minio.internal:9000',
          region: 'us-east-1',
          forcePathStyle: false,
          credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
        },
      },
    ]);
  });

  it('a folder, and both at once', () => {
    const environment = { LITESTREAM_FILE_PATH: 'replica', LITESTREAM_S3_BUCKET: 'b', LITESTREAM_S3_PATH: 'p' };
    const [database] = load({ environment }).databases;
    expect(database?.replicas.map(({ name, store }) => [name, store.path])).toEqual([
      ['s3', 'p'],
      ['file', '/work/replica'],
    ]);
  });

  it('the variable that is wrong is named', () => {
    const environment = { LITESTREAM_S3_BUCKET: 'b', LITESTREAM_S3_FORCE_PATH_STYLE: 'perhaps' };
    expect(errorOf(() => load({ environment })).message).toBe(
      'environment LITESTREAM_S3_FORCE_PATH_STYLE: "force-path-style" is "perhaps", which is neither true nor false',
    );
  });
});

describe('a database', () => {
  it.each([
    ['/data/a.db', '/data/a.db'],
    ['a.db', '/work/a.db'],
    ['~/a.db', '/home/user/a.db'],
    ['sqlite:///data/a.db', '/data/a.db'],
    ['sqlite3://a.db', '/work/a.db'],
  ])('at %s is the file %s', (path, expected) => {
    const text = `dbs: [{path: '${path}', replica: {path: /r}}]`;
    expect(loadText(text).databases[0]?.path).toBe(expected);
  });

  it('takes its staging folder, its caps and snapshot settings', () => {
    const config = loadText(`
staging-max-bytes: 2GiB
snapshot: {interval: 6h, retention: 48h}
retention: {enabled: false}
levels: [{interval: 10s}, {interval: 1m}]
dbs:
  - {path: /a.db, meta-path: ~/meta, restore-check-max-bytes: 0, replica: {path: /r/a}}
  - {path: /b.db, staging-max-bytes: 64MB, snapshot: {interval: 12h}, replica: {path: /r/b, retention: 1h}}
`);
    expect(config.databases).toMatchObject([
      {
        stagingFolder: '/home/user/meta',
        stagingMaxBytes: 2 * 1024 ** 3,
        restore: { quickCheckMaxBytes: 0 },
        compaction: { levels: [10_000, 60_000] },
        replicas: [{ snapshotInterval: 6 * 3_600_000, retention: { enabled: false, duration: 48 * 3_600_000 } }],
      },
      {
        stagingFolder: '/.b.db-litestream',
        stagingMaxBytes: 64_000_000,
        replicas: [{ snapshotInterval: 12 * 3_600_000, retention: { duration: 3_600_000 } }],
      },
    ]);
  });

  it.each([
    ['dbs: [{replica: {path: /r}}]', ':1:7: the database has no "path"'],
    ['dbs: [{path: /a.db}]', ':1:7: the database has no "replicas"'],
    ['dbs: [{path: /a.db, replica: {path: /r}, replicas: [{path: /s}]}]', '"replica" and "replicas" are both given'],
    ['dbs: [{path: /a.db, replica: {path: /r}}, {path: /a.db, replica: {path: /s}}]', 'is listed at'],
    [
      'dbs: [{path: /a.db, replica: {path: /r}}, {path: /b.db, replica: {path: /r/}}]',
      'a replica in this place is listed at',
    ],
    ['dbs: [{path: "$STATION_DB", replica: {path: /r}}]', 'needs STATION_DB, which is not set'],
    [
      'levels: [{interval: 1m}, {interval: 10s}]\ndbs: [{path: /a.db, replica: {path: /r}}]',
      'shorter than that of the level before',
    ],
    [`levels: [${'{interval: 1m}, '.repeat(9)}]\ndbs: [{path: /a.db, replica: {path: /r}}]`, 'there are 9 "levels"'],
  ])('%s is refused', (text, message) => {
    expect(errorOfText(text).message).toContain(message);
  });
});

describe('logging, command and shutdown', () => {
  const text = `logging: {level: warn, type: json, stderr: true}\nexec: stn serve "two words" --x='y z'\nshutdown-sync-timeout: 20s\n`;

  it('come from the file', () => {
    expect(loadText(text)).toMatchObject({
      logging: { level: 'WARN', format: 'json', stream: 'stderr' },
      exec: ['stn', 'serve', 'two words', '--x=y z'],
      shutdown: { syncTimeout: 20_000 },
    });
  });

  it('the variable wins over the file, the flag over both', () => {
    const environment = { LOG_LEVEL: 'DEBUG', LOG_FORMAT: 'pretty' };
    expect(loadText(text, { environment }).logging).toMatchObject({ level: 'DEBUG', format: 'pretty' });
    expect(loadText(text, { environment, flags: { logLevel: 'error' } }).logging.level).toBe('ERROR');
  });

  it('have defaults', () => {
    expect(load({})).toMatchObject({ logging: { level: 'INFO', format: 'logfmt', stream: 'stdout' }, exec: undefined });
  });

  it.each([
    ['exec: stn "open', {}, ':1:7: "exec" has a quote'],
    ['logging: {level: loud}', {}, ':1:18: "logging.level" is "loud"'],
    ['exec: stn', { LOG_LEVEL: 'loud' }, 'LOG_LEVEL'],
  ])('%s is refused', (wrong, environment, message) => {
    expect(errorOfText(wrong, { environment }).message).toContain(message);
  });
});
