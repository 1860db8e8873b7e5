import { describe, expect, it } from 'vitest';
import { guideExamples } from './guide-examples.ts';
import { loadText } from './load-text.ts';

const s3Environment = {
  LITESTREAM_S3_BUCKET: 'my-station-backups',
  LITESTREAM_S3_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  LITESTREAM_S3_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCY',
};

describe('the examples of the replication guide', () => {
  it.each(Object.keys(guideExamples))('%s loads as written, with no variable set', (name) => {
    expect(loadText(guideExamples[name] ?? '').databases).toHaveLength(1);
  });

  it('s3: the replica and its credentials come from the variables', () => {
    const [database] = loadText(guideExamples['s3'] ?? '', { environment: s3Environment }).databases;
    expect(database).toMatchObject({ path: '/data/station.db', stagingFolder: '/data/.station.db-litestream' });
    expect(database?.notConfigured).toEqual([]);
    expect(database?.replicas).toMatchObject([
      {
        name: 's3',
        syncInterval: 10_000,
        retention: { enabled: true, duration: 86_400_000, checkInterval: 3_600_000 },
        where: '/config/litestream.yml:4:9',
        store: {
          type: 's3',
          bucket: 'my-station-backups',
          path: 'station-db',
          region: 'us-east-1',
          endpoint: undefined,
          forcePathStyle: false,
          credentials: {
            accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
            secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCY',
            sessionToken: undefined,
          },
        },
      },
    ]);
  });

  it('s3: without the variable the replica is named as not configured, which is ephemeral mode', () => {
    const config = loadText(guideExamples['s3'] ?? '');
    expect(config.databases[0]).toMatchObject({
      replicas: [],
      notConfigured: [{ name: 's3', type: 's3', variables: ['LITESTREAM_S3_BUCKET'] }],
    });
    expect(config.replicaVariables).toEqual(['LITESTREAM_S3_BUCKET']);
  });

  it('several replicas: names stay the same whichever of them is configured', () => {
    const environment = { LITESTREAM_S3_BACKUP_BUCKET: 'second' };
    const [database] = loadText(guideExamples['severalReplicas'] ?? '', { environment }).databases;
    expect(database?.replicas.map(({ name }) => name)).toEqual(['s3-2', 'file']);
    expect(database?.notConfigured.map(({ name }) => name)).toEqual(['s3']);
  });

  it('several replicas: the guide’s credentials serve replicas that name none', () => {
    const [database] = loadText(guideExamples['severalReplicas'] ?? '', { environment: s3Environment }).databases;
    expect(database?.replicas[0]?.store).toMatchObject({ credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE' } });
  });

  it('settings alone are defaults for what the environment configures', () => {
    const [database] = loadText(guideExamples['costs'] ?? '', { environment: s3Environment }).databases;
    expect(database?.replicas).toMatchObject([{ syncInterval: 60_000, retention: { duration: 72 * 3_600_000 } }]);
  });

  it('has nothing to be told of: all of it is done', () => {
    expect(loadText(guideExamples['s3'] ?? '').notes).toEqual([]);
    expect(loadText(guideExamples['retention'] ?? '').notes).toEqual([]);
  });
});
