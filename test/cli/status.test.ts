/** `status` as a monitor calls it: its exit status must tell the truth about every replica. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { node, Site, scriptedApp } from '../e2e/life.ts';
import { runVerb } from './run-verb.ts';

interface Told {
  readonly database: string;
  readonly status: string;
  readonly local_txid: string;
  readonly process: string;
  readonly process_error: string | null;
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
    readonly error: { readonly message: string } | null;
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

it('with a process that is stopped: it is named, and what it leaves uncaptured is not called in sync', async () => {
  await using site = new Site();
  const life = site.start(['add=1', 'forever']);
  await life.waitFor(/^waiting$/m);
  expect((await runVerb(['sync', '-config', site.config])).status).toBe(0);
  life.kill('SIGSTOP');
  await addRows(site, 1);
  const stuck = await status(site, '-timeout', '1');
  expect(stuck).toMatchObject({ code: 75, process: 'silent', uncaptured: 'some' });
  expect(stuck.process_error).toContain('does not answer');
  expect(stuck.of('file')?.status).toBe('behind');
  const sync = await runVerb(['sync', '-config', site.config, '-timeout', '1']);
  expect([sync.status, sync.output]).toEqual([75, expect.stringContaining('hint: see its log')]);
  life.kill('SIGCONT');
  life.end();
});

it('without a process, and somebody has the database open and wrote nothing: that is no commit', async () => {
  await using site = new Site();
  expect((await site.run(['add=2'])).code).toBe(0);
  const reader = new Database(site.database);
  try {
    reader.prepare('SELECT * FROM sqlite_schema').all();
    expect(await status(site)).toMatchObject({ code: 0, uncaptured: 'none', replicas: [{ status: 'in-sync' }] });
  } finally {
    reader.close();
  }
});

it('a database whose replica is not configured has no copy, and that is not 0', async () => {
  await using site = new Site([{ name: 's3', type: 's3', bucket: `\${FORGOTTEN_BUCKET}`, path: 'db' }]);
  await addRows(site, 1);
  const other = join(site.folder, 'other.db');
  const replica = `{type: file, path: ${site.replicaFolder('file')}}`;
  writeFileSync(site.config, `${readFileSync(site.config, 'utf8')}\n  - {path: ${other}, replicas: [${replica}]}\n`);
  const json = await runVerb(['status', '-config', site.config, '-json']);
  expect(json.status).toBe(78);
  expect(JSON.parse(json.output)[0]).toMatchObject({
    replicas: [],
    not_configured: [{ name: 's3', type: 's3', variables: ['FORGOTTEN_BUCKET'] }],
  });
  const text = await runVerb(['status', '-config', site.config]);
  expect(text.output).toContain('  s3: not configured, FORGOTTEN_BUCKET not set\n  no replica: the database is lost');
  const restore = await runVerb(['restore', '-config', site.config, '-o', join(site.folder, 'copy.db'), site.database]);
  expect(restore.status).toBe(78);
  expect(restore.errors).toContain('hint: set one of FORGOTTEN_BUCKET');
});

it('a replica with a gap: behind, and why', async () => {
  await using site = new Site();
  for (let round = 0; round < 3; round += 1) expect((await site.run(['add=1'])).code).toBe(0);
  rmSync(site.filesOf('file').at(-2) ?? '');
  const told = await status(site);
  expect(told.code).toBe(75);
  expect(told.of('file')).toMatchObject({
    status: 'behind',
    error: { message: expect.stringContaining('be reached') },
  });
});
