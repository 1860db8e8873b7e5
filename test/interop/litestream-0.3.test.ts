/** Coming from the real Litestream 0.3.13: its live backups are restored, a new chain begins beside them, and back. */
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { checkout, type Life, node, type ReplicaSettings, Site } from '../e2e/life.ts';
import { s3Replica, startStore } from '../e2e/s3-site.ts';
import { folderPeer, getLitestream, type Peer, type S3Place, stockRestore } from '../peers/litestream.ts';
import { findLitestream03, replicate03, restore03 } from '../peers/litestream-0.3.ts';
import { radosgwMissing, startRadosgw } from '../servers/radosgw.ts';
import { expectSameBytes } from './agreement.ts';
import { makeBucket } from './make-bucket.ts';

const scriptedApp = join(checkout, 'test', 'e2e', 'scripted-app.ts');

let old: Peer;
let stock: Peer;
beforeAll(async () => {
  old = findLitestream03();
  stock = await getLitestream();
}, 180_000);
const noOld = (): [boolean, string] => [old.kind === 'missing', old.kind === 'missing' ? old.reason : ''];

/** The same replica as 0.3.13 knows it. */
function oldConfig(site: Site, { name, ...replica }: ReplicaSettings): string {
  const path = join(site.folder, 'litestream-0.3.yml');
  const settings = { ...replica, name, 'sync-interval': '50ms', 'snapshot-interval': '2s', retention: '1h' };
  const database = { path: site.database, 'monitor-interval': '50ms', 'min-checkpoint-page-count': 20 };
  writeFileSync(path, stringify({ dbs: [{ ...database, replicas: [settings] }] }));
  return path;
}

interface OldLife {
  readonly writer: Life;
  readonly config: string;
  /** Stops the writer, waits for the last row to be replicated, and stops Litestream. */
  stop(): Promise<readonly number[]>;
}

async function liveWithOld(site: Site, replica: ReplicaSettings): Promise<OldLife> {
  site.makeDataFolder();
  const config = oldConfig(site, replica);
  const writer = site.launch(node, [scriptedApp, 'add=1', 'writing']);
  await writer.waitFor(/^row \d+$/m);
  const litestream = replicate03(config);
  for (const giveUp = Date.now() + 20_000; !/snapshot written/.test(litestream.log()); await pause(50)) {
    if (Date.now() > giveUp) throw new Error(`no snapshot yet:\n${litestream.log()}`);
  }
  return {
    writer,
    config,
    stop: async () => {
      await writer.stop();
      const segments = () => litestream.log().split('wal segment written').length;
      // Quiet for a second: what was written is there.
      for (let before = -1; before !== segments(); await pause(1_000)) before = segments();
      await litestream.stop();
      return writer.acknowledged();
    },
  };
}

async function restoreOurs(site: Site, name: string, words: readonly string[] = []): Promise<string> {
  const copy = join(site.folder, name);
  rmSync(copy, { force: true });
  const restore = site.launch(join(checkout, 'entrypoint'), [
    'restore',
    '-config',
    site.config,
    ...words,
    '-o',
    copy,
    site.database,
  ]);
  const { code } = await restore.ended;
  expect(code, restore.log()).toBe(0);
  return copy;
}

/** Restores while 0.3.13 writes, then as it left it, then goes on twice on an empty disk. */
async function moveOver(site: Site, replica: ReplicaSettings): Promise<void> {
  const life = await liveWithOld(site, replica);
  for (let round = 0; round < 2; round += 1) {
    await pause(600);
    const rows = (await site.rowsIn(await restoreOurs(site, `mid-write-${round}.db`))) ?? [];
    expect(rows.length).toBeGreaterThan(0);
    expect(rows).toEqual(life.writer.acknowledged().slice(0, rows.length));
  }
  const acknowledged = await life.stop();
  const theirs = join(site.folder, 'theirs.db');
  await restore03(life.config, site.database, theirs);
  const ours = await restoreOurs(site, 'ours.db');
  expectSameBytes(readFileSync(ours), readFileSync(theirs), 'as 0.3.13 left it');
  expect(await site.rowsIn(ours)).toEqual(acknowledged);

  site.wipe();
  const first = await site.run(['list', 'add=3']);
  expect(first.code, first.log()).toBe(0);
  expect(first.seen()).toEqual(acknowledged);
  expect(first.log()).toMatch(/restoring from \S+: Litestream 0.3 generation/);
  site.wipe();
  const second = await site.run(['list', 'add=1']);
  expect(second.seen(), second.log()).toEqual([...acknowledged, ...first.acknowledged()]);
  expect(second.log()).toMatch(/restoring from \S+: TXID \d+/);
}

describe('a folder replica that Litestream 0.3.13 wrote', () => {
  it('is restored while it is written and after, and a new chain begins beside it', async ({ skip }) => {
    skip(...noOld());
    await using site = new Site();
    await moveOver(site, site.folderReplica());
    expect(site.filesOf('file')[0]).toMatch(/0000000000000001-0000000000000001\.ltx$/);
    expect(readdirSync(join(site.replicaFolder('file'), 'generations'))).toHaveLength(1);
    if (stock.kind === 'missing') return;
    const theirs = join(site.folder, 'stock.db');
    await stockRestore(folderPeer(site.replicaFolder('file')), theirs);
    expectSameBytes(readFileSync(await restoreOurs(site, 'new-chain.db')), readFileSync(theirs), 'by 0.5.17');
  });

  it('encrypted with age, is restored with the same keys, and a new chain encrypted beside it', async ({ skip }) => {
    skip(...noOld());
    const identity = await generateIdentity();
    const age = { identities: [identity], recipients: [await identityToRecipient(identity)] };
    await using site = new Site();
    const replica = { ...site.folderReplica(), age };
    site.configure([replica]);
    const life = await liveWithOld(site, replica);
    const acknowledged = await life.stop();
    site.wipe();
    const first = await site.run(['list', 'add=2'], { replicas: [replica] });
    expect(first.seen(), first.log()).toEqual(acknowledged);
    const [chain = ''] = site.filesOf('file');
    expect(readFileSync(chain).subarray(0, 21).toString()).toBe('age-encryption.org/v1');
    site.wipe();
    const second = await site.run(['list'], { replicas: [replica] });
    expect(second.seen(), second.log()).toEqual([...acknowledged, ...first.acknowledged()]);
  });

  it('is gone on with beside its database, on the same volume', async ({ skip }) => {
    skip(...noOld());
    await using site = new Site();
    const life = await liveWithOld(site, site.folderReplica());
    const acknowledged = await life.stop();
    const first = await site.run(['list', 'add=2']);
    expect(first.code, first.log()).toBe(0);
    expect(first.seen()).toEqual(acknowledged);
    expect(first.log()).not.toMatch(/restoring from/);
    site.wipe();
    const second = await site.run(['list']);
    expect(second.seen(), second.log()).toEqual([...acknowledged, ...first.acknowledged()]);
  });

  it('that holds later writes than the database here, stops the start until a person decides', async ({ skip }) => {
    skip(...noOld());
    await using site = new Site();
    await site.run(['add=2'], { replicas: [site.folderReplica('other')] });
    site.keepDisk('stale');
    site.wipe();
    const acknowledged = await (await liveWithOld(site, site.folderReplica())).stop();
    site.bringBackDisk('stale');
    const hourAgo = Date.now() / 1000 - 3600;
    for (const path of [site.database, `${site.database}-wal`]) {
      if (existsSync(path)) utimesSync(path, hourAgo, hourAgo);
    }
    const stopped = await site.run(['list']);
    expect(stopped.code, stopped.log()).toBe(69);
    expect(stopped.log()).toMatch(/replica file is ahead: it holds Litestream 0\.3 generation/);
    const decided = await site.run(['list'], { flags: ['--on-conflict=use-replica'] });
    expect(decided.seen(), decided.log()).toEqual(acknowledged);
  });

  it('after a chain of ours, when someone went back to it: its later rows count, and the chain goes on above', async ({
    skip,
  }) => {
    skip(...noOld());
    await using site = new Site();
    const ours = await site.run(['add=3']);
    const theirs = await (await liveWithOld(site, site.folderReplica())).stop();
    const all = [...ours.acknowledged(), ...theirs];
    const before = site.newestTxid('file');
    site.wipe();
    const back = await site.run(['list', 'add=1']);
    expect(back.code, back.log()).toBe(0);
    expect(back.seen()).toEqual(all);
    expect(site.newestTxid('file') > before).toBe(true);
    site.wipe();
    const again = await site.run(['list']);
    expect(again.seen(), again.log()).toEqual([...all, ...back.acknowledged()]);
    expect(again.log()).toMatch(/restoring from file: TXID/);
  });
});

describe('an S3 replica that Litestream 0.3.13 wrote', () => {
  const replicaOn = (server: S3Place): ReplicaSettings => s3Replica(server, server.url);

  it('on our test server', async ({ skip }) => {
    skip(...noOld());
    await using store = await startStore();
    await using site = new Site([replicaOn(store)]);
    await moveOver(site, replicaOn(store));
  });

  it('on a real S3 server (radosgw)', async ({ skip }) => {
    skip(...noOld());
    const missing = await radosgwMissing();
    expect(process.env['CI'] === undefined ? undefined : missing).toBeUndefined();
    skip(missing !== undefined, missing);
    const server = await startRadosgw();
    try {
      await makeBucket(server, 'bucket');
      await using site = new Site([replicaOn(server)]);
      await moveOver(site, replicaOn(server));
    } finally {
      await server.stop();
    }
  });
});
