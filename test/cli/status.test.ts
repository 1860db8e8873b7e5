/** `status` as a monitor calls it: its exit status must tell the truth about every replica. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { node, Site, scriptedApp } from '../e2e/life.ts';
import { runVerb } from './run-verb.ts';

interface Told {
  readonly database: string;
  readonly status: string;
  readonly local_txid: string;
  readonly process: string;
  readonly uncaptured: string;
  readonly replicas: readonly {
    readonly name: string;
    readonly status: string;
    readonly remote_txid: string | null;
    readonly newest: string;
    readonly oldest: string;
    readonly lag_txids: number | null;
    readonly lag_bytes: number | null;
    readonly lag_seconds: number | null;
    readonly last_error: { readonly message: string } | null;
    readonly lease: { readonly holder: string | null };
  }[];
}

async function status(site: Site, ...words: string[]) {
  const { output, status: code } = await runVerb(['status', '-config', site.config, '-json', ...words]);
  const [told] = JSON.parse(output) as readonly Told[];
  if (told === undefined) throw new Error('nothing was told');
  return { code, ...told, of: (name: string) => told.replicas.find((replica) => replica.name === name) };
}

async function addRows(site: Site, count: number): Promise<void> {
  site.makeDataFolder();
  expect((await site.launch(node, [scriptedApp, `add=${count}`]).ended).code).toBe(0);
}

it('without a process: nothing yet, then what is missing, then that nothing is, then later commits', async () => {
  await using site = new Site();
  expect(await status(site)).toMatchObject({ code: 0, status: 'no database', local_txid: '-', process: 'none' });
  await addRows(site, 1);
  const fresh = await status(site);
  expect(fresh).toMatchObject({ code: 75, status: 'not initialized', uncaptured: 'some' });
  expect(fresh.of('file')?.status).toBe('empty');
  expect((await site.run(['add=2'])).code).toBe(0);
  const level = await status(site, site.database);
  expect(level).toMatchObject({ code: 0, database: site.database, status: 'ok', uncaptured: 'none', process: 'none' });
  expect(level.of('file')).toMatchObject({ status: 'in-sync', remote_txid: level.local_txid, lag_seconds: 0 });
  expect(Date.parse(level.of('file')?.oldest ?? '')).toBeLessThanOrEqual(Date.parse(level.of('file')?.newest ?? ''));
  await addRows(site, 1);
  const later = await status(site);
  expect(later).toMatchObject({ code: 75, uncaptured: 'some' });
  expect(later.of('file')?.status).toBe('behind');
  rmSync(site.replicaFolder('file'), { recursive: true });
  writeFileSync(site.replicaFolder('file'), '');
  expect(await status(site)).toMatchObject({ code: 69, replicas: [{ status: 'unreachable', lag_seconds: null }] });
});

it('with a process: what it knows, and what each replica says itself', async () => {
  await using site = new Site();
  const replicas = [site.folderReplica('one'), { ...site.folderReplica('two'), 'sync-interval': '1h' }];
  const life = site.start(['add=1', 'forever'], { replicas });
  await life.waitFor(/^waiting$/m);
  await life.waitFor(/write (snapshot|wal segment).* replica=two/);
  await addRows(site, 3);
  expect((await runVerb(['sync', '-config', site.config])).status).toBe(0);
  const level = await status(site);
  expect(level).toMatchObject({ code: 0, process: 'answers', status: 'ok' });
  for (const name of ['one', 'two']) {
    expect(level.of(name)).toMatchObject({ status: 'in-sync', lag_txids: 0, lag_bytes: 0, last_error: null });
    expect(level.of(name)?.lease.holder).toMatch(new RegExp(`:${life.pid}$`));
  }
  const two = site.replicaFolder('two');
  renameSync(two, `${two}.away`);
  writeFileSync(two, '');
  await addRows(site, 1);
  expect((await runVerb(['sync', '-config', site.config, '-timeout', '1'])).status).toBe(75);
  rmSync(two);
  renameSync(`${two}.away`, two);
  // Nothing has asked it since: the replica answers again, and lacks what the process could not bring.
  const lacking = await status(site, '-replica', 'two');
  if (lacking.of('two')?.status !== 'in-sync') {
    expect(lacking.code).toBe(75);
    expect(lacking.of('two')).toMatchObject({ status: 'failing', lag_txids: 1 });
    expect(lacking.of('two')?.lag_bytes).toBeGreaterThan(0);
  }
  expect(lacking.of('two')?.last_error?.message).toContain('ENOTDIR');
  life.end();
});
