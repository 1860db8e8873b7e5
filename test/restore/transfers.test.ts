/** Restores from real clients of each cloud over a network that breaks, and while retention takes files away. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { txid } from '../../src/quantities.ts';
import type { NamedReplica } from '../../src/restore/restore-target.ts';
import { ltxKey } from '../../src/storage/key-layout.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import type { StoreOptions } from '../../src/storage/store-options.ts';
import { type Cloud, cloudNames, startCloud } from '../servers/clouds.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { startS3Server } from '../servers/s3-server.ts';
import { s3Options } from '../storage/s3/backend.ts';
import { History } from './replica-builder.ts';
import { createSite, type Site, withFaults } from './site.ts';

let history: History;
let site: Site;

beforeAll(() => {
  history = new History();
  // Random bytes: three large pieces of a snapshot, and small files after it.
  history.grow(1, 4_000_000).grow(8, 60_000);
});
afterAll(() => history.close());
beforeEach(() => {
  site = createSite();
});
afterEach(() => site.remove());

/** The same store, reached by another port. */
function throughPort(options: StoreOptions, port: number): StoreOptions {
  if (options.type === 'file' || options.endpoint === undefined) throw new Error('a store with an endpoint is needed');
  return { ...options, endpoint: options.endpoint.replace(/:\d+/, `:${port}`) };
}

describe.each(cloudNames)('from %s', (name) => {
  let cloud: Cloud;
  let direct: ObjectStore;
  let replica: NamedReplica;
  beforeEach(async () => {
    cloud = await startCloud(name);
    direct = await openStore(cloud.store('db'));
    replica = { name, store: await openStore(throughPort(cloud.store('db'), cloud.network.port)) };
  });
  afterEach(async () => {
    await replica.store.close();
    await direct.close();
    await cloud.stop();
  });

  test('connections that are reset half way are taken up again', async () => {
    await history.putMerged(direct, 9, 1, 2);
    await history.putLevel0(direct, 3);
    await cloud.network.set({ kind: 'reset', after: 400_000, direction: 'down', times: 10 });
    const outcome = await site.restore([replica]);
    expect(site.database().equals(history.state(history.newest))).toBe(true);
    expect(outcome.fellBack).toEqual([]);
  });

  test('files that retention takes away meanwhile lead to another plan', async () => {
    await history.putLevel0(direct);
    let isTaken = false;
    const compacted = withFaults(replica, (store) => ({
      async *get(key, options) {
        // The first that is read for its content.
        if ((options?.range?.end ?? 0) > 1000 && !isTaken) {
          isTaken = true;
          await history.putMerged(direct, 1, 1, history.newest);
          const keys = Array.from({ length: history.newest - 1 }, (_, index) =>
            ltxKey(direct.layout, 0, txid(index + 1), txid(index + 1)),
          );
          await direct.delete(keys);
        }
        yield* store.get(key, options);
      },
    }));
    const outcome = await site.restore([compacted]);
    expect(isTaken).toBe(true);
    expect(outcome.files).toBe(1);
    expect(site.database().equals(history.state(history.newest))).toBe(true);
  });
});

test('a broken download goes on at the byte it had reached, and what had arrived is not asked for again', async () => {
  const server = await startS3Server({ buckets: ['bucket'] });
  const network = await startFaultProxy(server.port);
  const options = s3Options(server, { path: 'db', region: 'us-east-1', forcePathStyle: true });
  const store = await openStore(throughPort(options, network.port));
  try {
    const direct = await openStore(options);
    const key = await history.putMerged(direct, 9, 1, history.newest);
    const [{ size = 0 } = {}] = await Array.fromAsync(direct.list(key));
    await direct.close();
    server.requests.length = 0;
    await network.set({ kind: 'reset', after: 1_000_000, direction: 'down', times: 3 });
    await site.restore([{ name: 's3', store }]);
    expect(site.database().equals(history.state(history.newest))).toBe(true);
    const starts = server.requests
      .filter(({ operation }) => operation === 'GetObject')
      .map(({ headers }) => /^bytes=(\d+)-(\d+)$/.exec(headers['range'] ?? ''))
      .map((range) => ({ start: Number(range?.[1]), end: Number(range?.[2]) + 1 }))
      .filter(({ start, end }) => end - start > 1000);
    const resumed = starts.filter(({ start }) => start % (512 * 1024) !== 0);
    expect(resumed).toHaveLength(3);
    // Each breach costs what was on its way, never what had been taken before it.
    const asked = starts.reduce((sum, { start, end }) => sum + end - start, 0);
    expect(asked).toBeLessThan(size + 3 * 1.5 * 1024 * 1024 - 3 * 500_000);
  } finally {
    await store.close();
    await network.stop();
    await server.stop();
  }
});
