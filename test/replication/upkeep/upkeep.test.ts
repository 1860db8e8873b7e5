import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { txid } from '../../../src/quantities.ts';
import { parseLtxKey } from '../../../src/storage/key-layout.ts';
import { type S3Server, startS3Server } from '../../servers/s3-server.ts';
import { s3Options } from '../../storage/s3/backend.ts';
import { HurriedSite } from '../support/hurried-site.ts';

/** Each file of a level begins where the one before ended. */
function expectNoGap(site: HurriedSite, replica: string, level: number, from: number | undefined): void {
  const files = site.rangesAt(replica, level);
  const ends = [from, ...files.slice(0, -1).map(({ maxTxid }) => maxTxid)];
  expect(files.map(({ minTxid }) => minTxid - 1)).toEqual(ends);
}

describe('a replica that is written to', () => {
  it('is merged level by level, copied whole and cleared, one staged copy for all, and gives the database back', async () => {
    await using site = new HurriedSite(['one', 'two']);
    await site.start();
    for (const replica of ['one', 'two']) {
      await site.writeUntil('a file at level 2, and level-0 files gone', () => {
        const first = site.rangesAt(replica, 1)[0]?.minTxid ?? 0;
        const isGone = !site.rangesAt(replica, 0).some(({ minTxid }) => minTxid === first);
        return site.rangesAt(replica, 2).length >= 1 && isGone;
      });
    }
    const image = await site.end();
    for (const replica of ['one', 'two']) {
      const [snapshot] = site.rangesAt(replica, 9);
      for (const level of [1, 2]) expectNoGap(site, replica, level, snapshot?.maxTxid);
      expect((await site.restored(replica)).equals(image)).toBe(true);
      const points = [...site.rangesAt(replica, 1), ...site.rangesAt(replica, 0)].map(({ maxTxid }) => maxTxid);
      for (const point of [points[1], points.at(-3)]) {
        await site.restored(replica, { kind: 'txid', txid: txid(point ?? 0) });
      }
    }
    expect(site.rangesAt('one', 9)).toEqual(site.rangesAt('two', 9));
  });

  it('loses what is older than was promised, and never the newest state', async () => {
    await using site = new HurriedSite();
    await site.start({ retention: 1_000, snapshotInterval: 700 });
    const seen = new Set<number>();
    await site.writeUntil('four snapshots, of which the first have gone', () => {
      const snapshots = site.rangesAt('one', 9);
      for (const { maxTxid } of snapshots) seen.add(maxTxid);
      return seen.size >= 4 && snapshots.length < seen.size - 1;
    });
    const image = await site.end();
    const oldest = site.rangesAt('one', 9)[0]?.maxTxid ?? 0;
    // Below the oldest snapshot only the newest file of a level stays.
    for (const level of [0, 1, 2]) {
      const below = site.rangesAt('one', level).filter(({ maxTxid }) => maxTxid <= oldest);
      expect(below.length).toBeLessThanOrEqual(1);
    }
    expect((await site.restored('one')).equals(image)).toBe(true);
    await site.restored('one', { kind: 'txid', txid: txid(oldest) });
  });

  it('is gone on with after a restart: nothing is merged twice, and nothing left out', async () => {
    await using site = new HurriedSite();
    await site.start();
    await site.writeUntil('merges', () => site.rangesAt('one', 1).length >= 2);
    await site.end();
    const before = site.rangesAt('one', 1);
    await site.start();
    await site.writeUntil('more merges', () => site.rangesAt('one', 1).length >= before.length + 2);
    const image = await site.end();
    expect(site.rangesAt('one', 1).slice(0, before.length)).toEqual(before);
    expectNoGap(site, 'one', 1, site.rangesAt('one', 9)[0]?.maxTxid);
    expect((await site.restored('one')).equals(image)).toBe(true);
  });

  it('is restored on an empty disk and gone on with, although hardly any level-0 file is left', async () => {
    await using site = new HurriedSite();
    await site.start();
    await site.writeUntil('level-0 files that have gone', () => {
      const first = site.rangesAt('one', 1)[0]?.minTxid ?? 0;
      return first > 0 && !site.rangesAt('one', 0).some(({ minTxid }) => minTxid === first);
    });
    const before = await site.end();
    const newest = site.rangesAt('one', 0).at(-1)?.maxTxid ?? 0;
    rmSync(dirname(site.path), { recursive: true });
    await site.start();
    expect(readFileSync(site.path).length).toBeGreaterThanOrEqual(before.length);
    await site.writeUntil('another merge', () => (site.rangesAt('one', 1).at(-1)?.maxTxid ?? 0) > newest);
    const image = await site.end();
    // The next TXID follows at level 0: no snapshot was needed to go on.
    expect(site.rangesAt('one', 9)).toHaveLength(1);
    expectNoGap(site, 'one', 1, site.rangesAt('one', 9)[0]?.maxTxid);
    expect((await site.restored('one')).equals(image)).toBe(true);
  });

  it('whose staging folder is full is merged all the same, from what the replica has', async () => {
    await using site = new HurriedSite();
    await site.start({ stagingMaxBytes: 1 });
    await site.writeUntil('a file at level 2', () => site.rangesAt('one', 2).length >= 1);
    const image = await site.end();
    expect((await site.restored('one')).equals(image)).toBe(true);
  });

  it('is merged under its encryption', async () => {
    const identity = await generateIdentity();
    await using site = new HurriedSite(['one'], {
      age: { identities: [identity], recipients: [await identityToRecipient(identity)], where: 'test' },
    });
    await site.start({ stagingMaxBytes: 1, snapshotInterval: 700 });
    await site.writeUntil('a file at level 2', () => site.rangesAt('one', 2).length >= 1);
    const image = await site.end();
    expect((await site.restored('one')).equals(image)).toBe(true);
  });
});

describe('on S3', () => {
  it('keeping a replica in shape costs no list and no read, and at most 0.15 uploads beside each sync', async () => {
    const server = await startS3Server({ buckets: ['bucket'] });
    try {
      await using site = new HurriedSite(['one'], s3Options(server));
      await site.start({ checkInterval: 3.6e6, level0Retention: 1_000, levels: [400, 1_000] });
      const merged = (level: number) =>
        server.objects('bucket').filter(({ key }) => key.startsWith(`root/000${level}/`));
      const count = (method: string) => server.requests.filter((request) => request.method === method).length;
      await site.writeUntil('the first merges', () => merged(1).length > 0);
      // The steady state begins: what the start has looked at is behind.
      const before = { get: count('GET'), put: count('PUT'), syncs: newestTxid(server) };
      await site.writeUntil('level-0 files that have gone, and level 2', () => {
        return merged(2).length >= 1 && server.requests.some(({ operation }) => operation === 'DeleteObjects');
      });
      const syncs = newestTxid(server) - before.syncs;
      const puts = count('PUT') - before.put;
      // One list of two levels looks whether the first deletions were done; the next comes in an hour.
      expect(count('GET') - before.get).toBeLessThanOrEqual(2);
      expect(puts).toBeLessThanOrEqual(1.15 * syncs + 2);
      const image = await site.end();
      expect((await site.restored('one')).equals(image)).toBe(true);
    } finally {
      await server.stop();
    }
  });

  it('a start on the database that is here lists the replica once, for itself and for what keeps it in shape', async () => {
    const server = await startS3Server({ buckets: ['bucket'] });
    try {
      await using site = new HurriedSite(['one'], s3Options(server));
      await site.start();
      await site.writeUntil('a merge', () => server.objects('bucket').some(({ key }) => key.startsWith('root/0001/')));
      await site.end();
      const { length } = server.requests;
      const merged = () =>
        server.requests.slice(length).some(({ method, key }) => method === 'PUT' && key.startsWith('root/0001/'));
      await site.start();
      await site.writeUntil('another merge', merged);
      const lists = server.requests.slice(length).filter(({ operation }) => operation === 'ListObjectsV2');
      // The others look for backups of Litestream 0.3: which are newer than the database, and which are to be cleared away.
      expect(lists).toHaveLength(3);
      await site.end();
    } finally {
      await server.stop();
    }
  });
});

function newestTxid(server: S3Server): number {
  const keys = server.objects('bucket').map(({ key }) => key);
  return Math.max(...keys.map((key) => parseLtxKey('s3', key.slice('root/'.length))?.maxTxid ?? 0));
}
