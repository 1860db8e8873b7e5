/** A whole life of the program on Azure, and stock Litestream 0.5.17 on the same container: each restores the other's. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { checkout, type ReplicaSettings, Site } from '../../e2e/life.ts';
import { binary, getLitestream, type Peer, peerEnvironment, stockReplicate } from '../../peers/litestream.ts';
import { type Azurite, startAzurite } from '../../servers/azurite.ts';
import { azureService } from './backend.ts';

const run = promisify(execFile);
let server: Azurite;
let peer: Peer;
beforeAll(async () => {
  server = await startAzurite();
  await azureService(server).createContainer('backups');
  peer = await getLitestream();
}, 180_000);
afterAll(() => server.stop());

const replica = (path: string): ReplicaSettings => ({
  type: 'abs',
  bucket: 'backups',
  path,
  endpoint: server.endpoint,
  'account-name': server.accountName,
  'account-key': server.accountKey,
  'sync-interval': '1s',
});

async function stockRestore(site: Site, path: string): Promise<string> {
  const config = join(site.folder, 'stock.yml');
  const output = join(site.folder, `stock-${path}.db`);
  writeFileSync(config, stringify({ dbs: [{ path: site.database, replica: replica(path) }] }));
  await run(binary, ['restore', '-config', config, '-o', output, site.database], { env: peerEnvironment({}) });
  return output;
}

async function ourRestore(site: Site, path: string): Promise<string> {
  site.configure([replica(path)]);
  const output = join(site.folder, `ours-${path}.db`);
  const words = ['restore', '--config', site.config, '-o', output, site.database];
  const restore = site.launch(join(checkout, 'entrypoint'), words);
  expect((await restore.ended).code, restore.log()).toBe(0);
  return output;
}

describe('a replica on Azure', () => {
  it('brings the database back after the disk is lost, and tells no secret', async () => {
    await using site = new Site([replica('life')]);
    const first = await site.run(['add=20']);
    expect(first.code, first.log()).toBe(0);
    site.wipe();
    const second = await site.run(['list', 'add=5']);
    expect(second.code, second.log()).toBe(0);
    expect(second.seen()).toEqual(first.acknowledged());
    expect(first.log() + second.log()).not.toContain(server.accountKey);
  });

  it('written by us is restored by stock Litestream, bit for bit as by us', async ({ skip }) => {
    skip(peer.kind === 'missing', 'no stock Litestream here');
    await using site = new Site([replica('ours')]);
    for (let life = 0; life < 2; life += 1) {
      const { code, log } = await site.run(['add=30']);
      expect(code, log()).toBe(0);
      const [stock, ours] = [await stockRestore(site, 'ours'), await ourRestore(site, 'ours')];
      expect(readFileSync(stock).equals(readFileSync(ours))).toBe(true);
      await run('rm', [stock, ours]);
      site.wipe();
    }
  });

  it('written by stock Litestream is restored by us, and gone on from', async ({ skip }) => {
    skip(peer.kind === 'missing', 'no stock Litestream here');
    await using site = new Site([replica('stock')]);
    // A database with rows, made without a replica that we would see later.
    const made = await site.run(['add=20'], { replicas: [replica('elsewhere')] });
    const config = join(site.folder, 'stock-replicate.yml');
    writeFileSync(config, stringify({ dbs: [{ path: site.database, replica: replica('stock') }] }));
    const stock = stockReplicate(config);
    const container = azureService(server).getContainerClient('backups');
    await expect
      .poll(async () => (await Array.fromAsync(container.listBlobsFlat({ prefix: 'stock/ltx/' }))).length, {
        timeout: 20_000,
      })
      .toBeGreaterThan(0);
    await stock.stop();
    site.wipe();
    const next = await site.run(['list', 'add=5']);
    expect(next.code, next.log()).toBe(0);
    expect(next.seen()).toEqual(made.acknowledged());
    expect(readFileSync(await stockRestore(site, 'stock')).equals(readFileSync(await ourRestore(site, 'stock')))).toBe(
      true,
    );
  });
});
