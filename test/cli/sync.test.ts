/** `sync` as a script calls it before a risky step: when it ends with 0, every replica has it. */
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { node, Site, scriptedApp } from '../e2e/life.ts';
import { runVerb } from './run-verb.ts';

const slow = (site: Site, name: string) => ({ ...site.folderReplica(name), 'sync-interval': '1h' });
const sync = (site: Site, ...words: string[]) => runVerb(['sync', '-config', site.config, ...words]);

/** By an application of its own, as one that is not supervised. */
async function addRows(site: Site, count: number): Promise<void> {
  const app = site.launch(node, [scriptedApp, `add=${count}`]);
  expect((await app.ended).code).toBe(0);
}

async function rowsOf(site: Site, replica: string): Promise<readonly number[] | undefined> {
  const copy = join(site.folder, `${replica}-${Math.random()}.db`);
  const url = `file://${site.replicaFolder(replica)}`;
  const { status, errors } = await runVerb(['restore', '-o', copy, url]);
  expect(errors.includes('error:') ? errors : status).toBe(0);
  return await site.rowsIn(copy);
}

describe('with a running process', () => {
  it('returns when every replica holds what was committed before, whatever their intervals', async () => {
    await using site = new Site();
    const replicas = [slow(site, 'one'), slow(site, 'two')];
    const life = site.start(['add=1', 'forever'], { replicas });
    await life.waitFor(/^waiting$/m);
    await life.waitFor(/write (snapshot|wal segment).* replica=two/);
    await addRows(site, 4);
    const results = await Promise.all([sync(site, '-json', site.database), sync(site), sync(site)]);
    for (const { status, output } of results) expect(status, output).toBe(0);
    const told = JSON.parse(results[0]?.output ?? '');
    expect(told).toMatchObject({ status: 'synced', by: 'process', db_path: site.database });
    expect(told.replica_txid).toBeGreaterThanOrEqual(told.txid);
    expect(results[1]?.output).toMatch(/one: durable\n {2}two: durable\n$/);
    life.kill('SIGKILL');
    life.end();
    await life.ended;
    for (const name of ['one', 'two']) expect(await rowsOf(site, name)).toEqual([1, 2, 3, 4, 5]);
  });

  it('ends with 75 and names the replica that does not have it in time', async () => {
    await using site = new Site();
    const replicas = [slow(site, 'one'), slow(site, 'two')];
    const life = site.start(['add=1', 'forever'], { replicas });
    await life.waitFor(/^waiting$/m);
    await life.waitFor(/write (snapshot|wal segment).* replica=two/);
    renameSync(site.replicaFolder('two'), `${site.replicaFolder('two')}.away`);
    writeFileSync(site.replicaFolder('two'), '');
    await addRows(site, 4);
    const { status, output } = await sync(site, '-timeout', '2');
    expect(status).toBe(75);
    expect(output).toMatch(/one: durable\n {2}two: not durable, it holds TXID [0-9a-f]+: .*ENOTDIR/);
    life.end();
  });
});

describe('without a running process', () => {
  it('syncs by itself, and lets go: the next run goes on without a claim or a snapshot', async () => {
    await using site = new Site();
    const life = await site.run(['add=2']);
    expect(life.code).toBe(0);
    await addRows(site, 2);
    const before = site.filesOf('file').length;
    const { status, output } = await sync(site);
    expect(output).toContain('by itself: no process replicates it\n  file: durable\n');
    expect(status).toBe(0);
    expect(site.filesOf('file').length).toBe(before + 1);
    expect(await rowsOf(site, 'file')).toEqual([1, 2, 3, 4]);
    const again = await sync(site, '-json', site.database);
    expect(JSON.parse(again.output)).toMatchObject({ status: 'synced', by: 'self' });
    expect(site.filesOf('file').length).toBe(before + 1);
    const next = await site.run(['add=1', 'list']);
    expect(next.seen()).toEqual([1, 2, 3, 4, 5]);
    expect(next.log()).not.toContain('write snapshot');
    expect(next.log()).not.toContain('took over');
  });

  it('restores nothing, and says when there is no database', async () => {
    await using site = new Site();
    await site.run(['add=2']);
    site.wipe();
    const { status, output } = await sync(site);
    expect(status).toBe(69);
    expect(output).toContain('nothing to sync');
    expect(site.dataFolder()).toEqual([]);
  });

  it('waits for a process that is about to listen, and gives up in time on one that never does', async () => {
    await using site = new Site();
    const replicas = [site.folderReplica()];
    const life = site.start(['add=1', 'until-term'], { replicas });
    await life.waitFor(/^row 1$/m);
    const socket = join(site.staging, 'station', 'control');
    await expect.poll(() => readdirSync(join(socket, '..')), { timeout: 20_000 }).toContain('control');
    renameSync(socket, `${socket}.away`);
    const { status, output } = await sync(site, '-timeout', '1');
    expect(status).toBe(75);
    expect(output).toContain('a process replicates');
    const found = sync(site, '-timeout', '20');
    renameSync(`${socket}.away`, socket);
    expect((await found).status).toBe(0);
    await life.stop();
  });
});
