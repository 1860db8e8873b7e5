/** Stock Litestream 0.5.17 restores what we wrote, bit for bit as we do: by its VFS and by its binary. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeHeader } from '../../src/ltx/header.ts';
import { Site } from '../e2e/life.ts';
import { s3Replica, startStore } from '../e2e/s3-site.ts';
import { folderPeer, getLitestream, type PeerReplica, s3Peer, stockRestore } from '../peers/litestream.ts';
import { findVfs, hydrate } from '../peers/litestream-vfs.ts';
import { radosgwMissing, startRadosgw } from '../servers/radosgw.ts';
import { expectAgreement, expectSameBytes, type Peers } from './agreement.ts';
import { live, livesOf, newDatabase, rows } from './history.ts';
import { makeBucket } from './make-bucket.ts';

let peers: Peers;
beforeAll(async () => {
  peers = { binary: await getLitestream(), vfs: findVfs() };
}, 180_000);

/** Where neither peer is here, there is nothing to hold ours against. */
const missingPeers = () => peers.binary.kind === 'missing' && peers.vfs.kind === 'missing';

async function liveAndAgree(site: Site, pageSize: number, replica: PeerReplica): Promise<void> {
  for (const { name, scripts, onEmptyDisk } of livesOf(pageSize)) {
    if (onEmptyDisk === true) site.wipe();
    await live(site, scripts, site.replicas);
    const restored = await expectAgreement(site, replica, peers, name);
    if (!existsSync(`${site.database}-wal`)) {
      expectSameBytes(readFileSync(restored), readFileSync(site.database), `${name}: the live database`);
    }
  }
}

describe('a folder replica', () => {
  it.each([512, 1024, 4096, 65_536])('pages of %i bytes: growth, deletes, VACUUM, restarts', async (pageSize) => {
    await using site = new Site();
    await liveAndAgree(site, pageSize, folderPeer(site.replicaFolder('file')));
  });

  it('one added later begins with a snapshot at level 9', async ({ skip }) => {
    skip(missingPeers(), 'no stock Litestream here');
    await using site = new Site();
    const [first, second] = [site.folderReplica(), site.folderReplica('second')];
    await live(site, [newDatabase(4096, 'NONE'), rows(100), ':pause', rows(100)], [first]);
    await live(site, [rows(10), ':pause', 'DELETE FROM t WHERE id > 50', ':pause', 'VACUUM'], [first, second]);
    const folder = site.replicaFolder('second');
    expect(readdirSync(join(folder, 'ltx', '9'))).toHaveLength(1);
    await expectAgreement(site, folderPeer(folder), peers, 'after the snapshot');
    site.wipe();
    await live(site, [rows(30)], [second]);
    await expectAgreement(site, folderPeer(folder), peers, 'continued after the snapshot');
  });

  it.each([
    { name: 'the same page size', before: 4096, after: 4096 },
    { name: 'larger pages', before: 1024, after: 8192 },
    { name: 'smaller pages', before: 65_536, after: 512 },
  ])('a database deleted and made again, with $name', async ({ before, after }) => {
    await using site = new Site();
    const again = [':pause', ':delete', newDatabase(after, 'FULL'), rows(40), ':pause', rows(5)];
    await live(site, [newDatabase(before, 'NONE'), rows(100), ...again], site.replicas);
    const replica = folderPeer(site.replicaFolder('file'));
    await expectAgreement(site, replica, peers, 'made again');
    site.wipe();
    await live(site, ['DELETE FROM t WHERE id % 2', 'VACUUM'], site.replicas);
    await expectAgreement(site, replica, peers, 'continued');
  });
});

describe('a replica that we are writing to', () => {
  it('is restored by stock Litestream meanwhile: each time a prefix of what was acknowledged', async ({ skip }) => {
    skip(missingPeers(), 'no stock Litestream here');
    await using site = new Site();
    const replica = folderPeer(site.replicaFolder('file'));
    const life = site.start(['add=20', 'writing']);
    await life.waitFor(/write wal segment/);
    const copy = join(site.folder, 'copy.db');
    for (let round = 0; round < 3; round += 1) {
      await (peers.binary.kind === 'there' ? stockRestore : hydrate)(replica, copy);
      const restored = (await site.rowsIn(copy)) ?? [];
      expect(restored.length).toBeGreaterThan(0);
      expect(restored).toEqual(life.acknowledged().slice(0, restored.length));
      rmSync(copy);
    }
    expect((await life.stop()).code, life.log()).toBe(0);
    await expectAgreement(site, replica, peers, 'at the end');
  });
});

describe('a replica that was taken over', () => {
  it('is restored through the file that claimed its next TXID', async () => {
    await using site = new Site();
    await live(site, [newDatabase(4096, 'NONE'), rows(20)], site.replicas);
    const killed = site.start(['forever']);
    await killed.waitFor(/^waiting$/m);
    const before = site.filesOf('file').length;
    killed.end();
    await killed.ended;
    // Another disk: its identity went with this one, so the lease has to expire.
    site.wipe();
    await live(site, [rows(5)], site.replicas);
    expect(site.filesOf('file').length).toBe(before + 2);
    expect(decodeHeader(readFileSync(site.filesOf('file')[before] ?? '')).wal.size).toBe(0);
    await expectAgreement(site, folderPeer(site.replicaFolder('file')), peers, 'after a take-over');
  });
});

describe('an S3 replica', () => {
  it('on our test server', async () => {
    await using store = await startStore();
    await using site = new Site([s3Replica(store, store.url)]);
    await liveAndAgree(site, 4096, s3Peer(store, 'bucket', 'station'));
  });

  it('on a real S3 server (radosgw)', async ({ skip }) => {
    const missing = await radosgwMissing();
    expect(process.env['CI'] === undefined ? undefined : missing).toBeUndefined();
    skip(missing !== undefined, missing);
    const server = await startRadosgw();
    try {
      await makeBucket(server, 'bucket');
      await using site = new Site([s3Replica(server, server.url)]);
      await liveAndAgree(site, 4096, s3Peer(server, 'bucket', 'station'));
    } finally {
      await server.stop();
    }
  });
});
