import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { milliseconds } from '../../src/quantities.ts';
import { restoreDatabase } from '../../src/restore/restore.ts';
import type { NamedReplica } from '../../src/restore/restore-target.ts';
import { openStore } from '../../src/storage/open-store.ts';
import type { S3StoreOptions } from '../../src/storage/store-options.ts';
import { type S3Server, startS3Server } from '../servers/s3-server.ts';
import { flipBit, History, putLtx } from './replica-builder.ts';
import { createSite, defaults, type Site } from './site.ts';

let history: History;
let server: S3Server;
let site: Site;
let opened: NamedReplica[];

beforeAll(() => {
  history = new History();
  history.grow(12, 20_000);
});
afterAll(() => history.close());
beforeEach(async () => {
  server = await startS3Server({ buckets: ['backup'] });
  site = createSite();
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((replica) => replica.store.close()));
  await server.stop();
  site.remove();
});

async function s3(change: Partial<S3StoreOptions> = {}): Promise<NamedReplica> {
  const store = await openStore({
    type: 's3',
    bucket: 'backup',
    path: 'station',
    endpoint: server.url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: {
      accessKeyId: server.accessKeyId,
      secretAccessKey: server.secretAccessKey,
      sessionToken: undefined,
    },
    skipVerify: false,
    signPayload: undefined,
    storageClass: undefined,
    serverSideEncryption: undefined,
    partSize: undefined,
    concurrency: undefined,
    ...change,
  });
  const replica = { name: 's3', store };
  opened.push(replica);
  return replica;
}

const isRestored = () => site.database().equals(history.state(history.newest));

describe('from S3', () => {
  test('a snapshot and level 0, with two lists, one for old backups, and three small reads to find the position', async () => {
    const replica = await s3();
    await history.putMerged(replica.store, 9, 1, 8);
    await history.putLevel0(replica.store, 9);
    server.requests.length = 0;
    const outcome = await site.restore([replica]);
    expect(isRestored()).toBe(true);
    expect(server.requests.filter((request) => request.operation === 'ListObjectsV2')).toHaveLength(2);
    expect(server.requests.filter((request) => request.operation === 'GetObject')).toHaveLength(outcome.files + 3);
  });

  test('by timestamp, by the headers: the store’s own times are all of today', async () => {
    const replica = await s3();
    await history.putLevel0(replica.store);
    const outcome = await site.restore([replica], {
      target: { kind: 'timestamp', timestamp: milliseconds(history.time(6) + 500) },
    });
    expect(outcome.txid).toBe(6);
  });

  test('through dropped connections, half answers, 500 and 503', async () => {
    const replica = await s3();
    await history.putLevel0(replica.store);
    server.faults.add({ when: { operation: 'GetObject' }, times: 4, do: { kind: 'drop', at: 'half-response' } });
    server.faults.add({
      when: { operation: 'GetObject' },
      times: 2,
      do: { kind: 'answer', status: 500, code: 'InternalError' },
    });
    server.faults.add({
      when: { operation: 'ListObjectsV2' },
      times: 2,
      do: { kind: 'answer', status: 503, code: 'SlowDown' },
    });
    const outcome = await site.restore([replica]);
    expect(outcome.fellBack).toEqual([]);
    expect(isRestored()).toBe(true);
  });

  test('a damaged object is named by its bucket and key', async () => {
    const replica = await s3();
    await history.putLevel0(replica.store);
    await putLtx(replica.store, 0, history.content(12, 12), flipBit);
    const outcome = await site.restore([replica]);
    expect(outcome.txid).toBe(11);
    expect(outcome.fellBack.join('\n')).toContain('s3://backup/station/0000/000000000000000c-000000000000000c.ltx');
  });

  test.each([
    [
      'the secret is wrong',
      { credentials: { accessKeyId: 'test', secretAccessKey: 'wrong', sessionToken: undefined } },
    ],
    ['the bucket does not exist', { bucket: 'missing' }],
    ['nobody listens', { endpoint: 'http://127.0.0.1:1' }],
  ])('never an empty start where %s', async (_, change) => {
    const replica = await s3(change);
    const options = { ...defaults(site, [replica]), answerTimeout: milliseconds(3_000) };
    await expect(restoreDatabase(options)).rejects.toMatchObject({ code: 'RESTORE_UNREACHABLE', exitStatus: 69 });
    expect(site.names()).toEqual([]);
  });

  test('an empty bucket is empty', async () => {
    expect((await restoreDatabase(defaults(site, [await s3()]))).kind).toBe('empty');
  });
});
