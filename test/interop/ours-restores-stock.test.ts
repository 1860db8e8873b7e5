/** What stock Litestream 0.5.17 wrote, with its own levels and snapshots, we restore as it does, and continue. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { checkout, node, Site } from '../e2e/life.ts';
import { s3Replica, startStore } from '../e2e/s3-site.ts';
import { folderPeer, getLitestream, type Peer, s3Peer, stockReplicate, stockRestore } from '../peers/litestream.ts';
import { findVfs, writeThroughVfs } from '../peers/litestream-vfs.ts';
import { expectAgreement, type Peers } from './agreement.ts';

const scriptedApp = join(checkout, 'test', 'e2e', 'scripted-app.ts');

let peers: Peers;
beforeAll(async () => {
  peers = { binary: await getLitestream(), vfs: findVfs() };
}, 180_000);

const noBinary = (): [boolean, string] => reasonToSkip(peers.binary);
const reasonToSkip = (peer: Peer): [boolean, string] => [
  peer.kind === 'missing',
  peer.kind === 'missing' ? peer.reason : '',
];

/** Stock Litestream beside a writer until it has compacted, made snapshots, and taken the last row. */
async function liveWithStock(
  site: Site,
  replica: Readonly<Record<string, unknown>>,
  enough: () => boolean,
  end: 'stopped' | 'killed' = 'stopped',
) {
  site.makeDataFolder();
  const config = join(site.folder, 'stock.yml');
  const { name: _, ...withoutName } = replica;
  writeFileSync(
    config,
    stringify({
      levels: [{ interval: '1s' }, { interval: '2s' }],
      snapshot: { interval: '2s', retention: '1h' },
      'l0-retention': '1s',
      dbs: [
        {
          path: site.database,
          'monitor-interval': '50ms',
          'checkpoint-interval': '500ms',
          replica: { ...withoutName, 'sync-interval': end === 'killed' ? '1s' : '100ms' },
        },
      ],
    }),
  );
  const writer = site.launch(node, [scriptedApp, 'add=1', 'writing']);
  await writer.waitFor(/^row \d+$/m);
  const stock = stockReplicate(config);
  try {
    const giveUp = Date.now() + 30_000;
    while (!enough()) {
      if (Date.now() > giveUp) throw new Error(`stock Litestream has not compacted yet:\n${stock.log()}`);
      await pause(100);
    }
    if (end === 'killed') {
      stock.process.kill('SIGKILL');
      writer.kill('SIGKILL');
      await writer.ended;
    } else {
      await writer.stop();
      await pause(500);
    }
  } finally {
    await stock.stop();
  }
  return writer.acknowledged();
}

/** Levels 0, 1, 2 and snapshots, with some history behind them. */
function isCompacted(replica: string): boolean {
  const count = (level: number) => {
    const folder = join(replica, 'ltx', String(level));
    return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.ltx')).length : 0;
  };
  return count(0) > 0 && count(1) > 1 && count(2) > 1 && count(9) > 1;
}

describe('a folder replica that stock Litestream wrote', () => {
  /** Written once; each test takes a copy. */
  let original: Site | undefined;
  let acknowledged: readonly number[] = [];
  beforeAll(async () => {
    if (peers.binary.kind === 'missing') return;
    original = new Site();
    const folder = original.replicaFolder('file');
    acknowledged = await liveWithStock(original, original.folderReplica(), () => isCompacted(folder));
  }, 60_000);
  afterAll(() => original?.[Symbol.asyncDispose]());

  function copyOf(site: Site): Site {
    if (original === undefined) throw new Error('there is no original');
    cpSync(original.replicaFolder('file'), site.replicaFolder('file'), { recursive: true });
    cpSync(dirname(original.database), dirname(site.database), { recursive: true });
    return site;
  }

  it('is restored as its own binary restores it', async ({ skip }) => {
    skip(...noBinary());
    await using site = copyOf(new Site());
    const restored = await expectAgreement(site, folderPeer(site.replicaFolder('file')), peers, 'as it was left');
    expect(await site.rowsIn(restored)).toEqual(acknowledged);
  });

  it('is continued on an empty disk', async ({ skip }) => {
    skip(...noBinary());
    await using site = copyOf(new Site());
    site.wipe();
    const life = await site.run(['list', 'add=3']);
    expect(life.code, life.log()).toBe(0);
    expect(life.seen()).toEqual(acknowledged);
    const restored = await expectAgreement(site, folderPeer(site.replicaFolder('file')), peers, 'continued');
    expect(await site.rowsIn(restored)).toEqual([...acknowledged, ...life.acknowledged()]);
  });

  it('is continued with its database and its staging folder here', async ({ skip }) => {
    skip(...noBinary());
    await using site = copyOf(new Site());
    const life = await site.run(['list', 'add=3']);
    expect(life.code, life.log()).toBe(0);
    expect(life.seen()).toEqual(acknowledged);
    const restored = await expectAgreement(site, folderPeer(site.replicaFolder('file')), peers, 'continued');
    expect(await site.rowsIn(restored)).toEqual([...acknowledged, ...life.acknowledged()]);
  });
});

describe('an S3 replica that stock Litestream wrote', () => {
  it('is restored as its own binary restores it, and continued', async ({ skip }) => {
    skip(...noBinary());
    await using store = await startStore();
    await using site = new Site([s3Replica(store, store.url)]);
    const snapshots = () => store.objects('bucket').filter(({ key }) => key.startsWith('station/0009/')).length;
    const acknowledged = await liveWithStock(site, s3Replica(store, store.url), () => snapshots() > 1);
    const peer = s3Peer(store, 'bucket', 'station');
    const restored = await expectAgreement(site, peer, peers, 'as it was left');
    expect(await site.rowsIn(restored)).toEqual(acknowledged);
    site.wipe();
    const life = await site.run(['list', 'add=3']);
    expect(life.seen(), life.log()).toEqual(acknowledged);
    await expectAgreement(site, peer, peers, 'continued');
  });
});

describe('a replica of ours that stock Litestream takes over', () => {
  it.for(['with our staging folder', 'on an empty disk'])('%s, and gives back', async (how, { skip }) => {
    skip(...noBinary());
    await using site = new Site();
    const peer = folderPeer(site.replicaFolder('file'));
    await site.run(['add=10']);
    await site.run(['add=10']);
    if (how === 'on an empty disk') {
      site.wipe();
      site.makeDataFolder();
      await stockRestore(peer, site.database);
    }
    const before = site.newestTxid('file');
    const added = await liveWithStock(site, site.folderReplica(), () => site.newestTxid('file') > before);
    expect(added[0]).toBe(21);
    const restored = await expectAgreement(site, peer, peers, 'after stock Litestream');
    expect((await site.rowsIn(restored))?.slice(-added.length)).toEqual(added);
    const life = await site.run(['list', 'add=1']);
    expect(life.code, life.log()).toBe(0);
    expect(life.seen()).toHaveLength(20 + added.length);
    await expectAgreement(site, peer, peers, 'given back');
  });
});

describe('a disk of ours on which stock Litestream was killed while it wrote', () => {
  it('is gone on with, though it holds commits that no replica has got', async ({ skip }) => {
    skip(...noBinary());
    await using site = new Site();
    await site.run(['add=10']);
    const before = site.newestTxid('file');
    // It takes every commit, and uploads once a second.
    const isAhead = () => site.newestTxid('file') > before && newestLocal(site) > site.newestTxid('file');
    const added = await liveWithStock(site, site.folderReplica(), isAhead, 'killed');
    const life = await site.run(['list', 'add=1']);
    expect(life.code, life.log()).toBe(0);
    expect(life.seen()?.slice(0, 10 + added.length)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...added]);
    await expectAgreement(site, folderPeer(site.replicaFolder('file')), peers, 'gone on with');
    site.wipe();
    const again = await site.run(['list']);
    expect(again.seen(), again.log()).toEqual([...(life.seen() ?? []), ...life.acknowledged()]);
  });
});

/** The newest of the files on the disk that are to be uploaded, as 16 hex digits. */
function newestLocal(site: Site): string {
  const folder = join(site.staging, 'ltx', '0');
  return (
    readdirSync(folder)
      .filter((name) => name.endsWith('.ltx'))
      .sort()
      .at(-1)
      ?.slice(17, 33) ?? ''
  );
}

describe('a replica of ours that the VFS writes to', () => {
  it('is restored with its rows, and continued', async ({ skip }) => {
    skip(...reasonToSkip(peers.vfs));
    await using site = new Site();
    await site.run(['add=10']);
    const peer = folderPeer(site.replicaFolder('file'));
    const insert = "INSERT INTO rows (text) VALUES ('by the VFS')";
    await writeThroughVfs(peer, [insert, insert]);
    await writeThroughVfs(peer, ['DELETE FROM rows WHERE id = 1']);
    const restored = await expectAgreement(site, peer, peers, 'written by the VFS');
    expect(await site.rowsIn(restored)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    site.wipe();
    const life = await site.run(['list', 'add=1']);
    expect(life.seen(), life.log()).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    rmSync(restored);
    await expectAgreement(site, peer, peers, 'continued by us');
    await writeThroughVfs(peer, [insert]);
    const again = await expectAgreement(site, peer, peers, 'and by the VFS again');
    expect(readFileSync(again).includes('by the VFS')).toBe(true);
    expect(await site.rowsIn(again)).toHaveLength(13);
  });
});
