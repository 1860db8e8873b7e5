/** `verify`: a real restore of each replica, held against the live database, and every damaged object named. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { node, type ReplicaSettings, Site, scriptedApp } from '../e2e/life.ts';
import { age, copyFixture } from '../fixtures/litestream-backups.ts';
import { runVerb } from './run-verb.ts';

interface Verified {
  readonly replica: string;
  readonly sound: boolean;
  readonly objects: number;
  readonly newest: { readonly txid: string; readonly timestamp: string } | null;
  readonly damaged: readonly { readonly key: string; readonly what: string }[];
  readonly errors: readonly { readonly code: string; readonly message: string }[];
  readonly remarks: readonly string[];
  readonly restored: { readonly txid: string; readonly size: number; readonly integrity: string } | null;
  readonly comparison: { readonly result: string; readonly txid?: string; readonly why?: string } | null;
}

async function verify(config: string, ...words: string[]) {
  const { output, errors, status } = await runVerb(['verify', '-config', config, '-json', ...words]);
  expect(errors).not.toContain('INTERNAL');
  const [first, ...others] = JSON.parse(output || '[]') as readonly Verified[];
  if (first === undefined) throw new Error(`nothing was verified: ${errors}`);
  return { ...first, others, status };
}

async function addRows(site: Site, count: number): Promise<void> {
  expect((await site.launch(node, [scriptedApp, `add=${count}`]).ended).code).toBe(0);
}

/** What is left in the folders that a verification works in. */
const leftBy = (site: Site) => readdirSync(join(site.staging, 'station')).filter((name) => name.startsWith('verify-'));

it('finds every replica equal to a database that is written to meanwhile, encrypted or not', async () => {
  const identity = await generateIdentity();
  await using site = new Site();
  const keys = { identities: [identity], recipients: [await identityToRecipient(identity)] };
  const replicas: ReplicaSettings[] = [site.folderReplica('plain'), { ...site.folderReplica('sealed'), age: keys }];
  const life = site.start(['add=1', 'writing'], { replicas });
  await life.waitFor(/write (snapshot|wal segment).* replica=sealed/);
  await life.waitFor(/^row 20$/m);
  const found = await verify(site.config);
  expect(found.status).toBe(0);
  for (const one of [found, ...found.others]) {
    expect(one).toMatchObject({ sound: true, damaged: [], errors: [], comparison: { result: 'equal' } });
    expect(one.restored).toMatchObject({ txid: one.comparison?.txid, integrity: 'ok' });
  }
  expect(found.others.map(({ replica }) => replica)).toEqual(['sealed']);
  expect(leftBy(site)).toEqual([]);
  // It was read-only: the application and its replication go on.
  const rows = life.acknowledged().length;
  await life.waitFor(new RegExp(`^row ${rows + 5}$`, 'm'));
  expect((await life.stop()).code).toBe(0);
});

it('tells what was captured from what was written since, where no process replicates it', async () => {
  await using site = new Site();
  expect((await site.run(['add=5'])).code).toBe(0);
  expect(await verify(site.config)).toMatchObject({ status: 0, comparison: { result: 'equal' } });
  await addRows(site, 1);
  const later = await verify(site.config);
  expect(later).toMatchObject({ status: 0, sound: true, comparison: { result: 'not-compared' } });
  expect(later.comparison?.why).toContain('written to since');
});

it('finds a replica that is whole, and of another history', async () => {
  await using site = new Site();
  await using other = new Site();
  for (const one of [site, other]) {
    one.makeDataFolder();
    await addRows(one, 5);
    expect((await runVerb(['sync', '-config', one.config])).status).toBe(0);
  }
  // As many TXIDs, and every checksum right: only the pages differ.
  site.configure([{ name: 'file', type: 'file', path: other.replicaFolder('file') }]);
  const found = await verify(site.config);
  expect(found).toMatchObject({ status: 69, sound: false, damaged: [], errors: [] });
  expect(found.comparison).toMatchObject({ result: 'different', txid: '0000000000000001' });
});

it('names what is damaged, as thoroughly as it is asked to look', async () => {
  await using site = new Site();
  const life = site.start(['add=1', 'until-term']);
  await life.waitFor(/write (snapshot|wal segment)/);
  for (let count = 0; count < 3; count += 1) {
    await addRows(site, 2);
    expect((await runVerb(['sync', '-config', site.config])).status).toBe(0);
  }
  await life.stop();
  const [, second = '', third = ''] = site.filesOf('file');
  const content = readFileSync(second);
  content.writeUInt8(content.readUInt8(200) ^ 1, 200);
  writeFileSync(second, content);
  const key = second.slice(site.replicaFolder('file').length + 1);
  expect(await verify(site.config, '-chain')).toMatchObject({ status: 0, sound: true, restored: null });
  for (const effort of ['-read', '-restore']) {
    const found = await verify(site.config, effort);
    expect(found).toMatchObject({ status: 69, sound: false });
    expect(found.damaged.map((one) => one.key)).toEqual([key]);
  }
  const { output } = await runVerb(['verify', '-config', site.config]);
  expect(output).toContain('file: NOT SOUND (every object read, and restored)');
  expect(output).toContain(`damaged: file://${second}: `);
  rmSync(third);
  const gap = await verify(site.config, '--chain');
  expect(gap).toMatchObject({ status: 69, errors: [{ code: 'LTX_NOT_CONTIGUOUS' }] });
  expect((await runVerb(['verify', '-chain', '-read', '-config', site.config])).status).toBe(64);
});

it('restores an earlier moment', async () => {
  await using site = new Site();
  const life = site.start(['add=1', 'until-term']);
  await life.waitFor(/write (snapshot|wal segment)/);
  const { newest } = await verify(site.config);
  await addRows(site, 3);
  expect((await runVerb(['sync', '-config', site.config])).status).toBe(0);
  const then = await verify(site.config, '-timestamp', newest?.timestamp ?? '');
  expect(then).toMatchObject({ status: 0, restored: { txid: newest?.txid } });
  expect((await verify(site.config)).newest?.txid).not.toBe(newest?.txid);
  const before = await verify(site.config, '-timestamp', '2001-01-01T00:00:00Z');
  expect(before).toMatchObject({ status: 69, restored: null, errors: [{ code: 'RESTORE_NOT_AVAILABLE' }] });
  await life.stop();
});

it.each(['litestream-0.3', 'litestream-0.3-age', 'litestream-0.5'] as const)(
  'verifies old backups: %s',
  async (name) => {
    const root = mkdtempSync(join(tmpdir(), 'verify-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    const folder = join(root, 'replica');
    copyFixture(name, folder);
    const config = join(root, 'litestream.yml');
    const replica = { type: 'file', path: folder, ...(name.endsWith('age') && { age }) };
    writeFileSync(config, stringify({ dbs: [{ path: join(root, 'station.db'), replicas: [replica] }] }));
    const found = await verify(config);
    expect(found).toMatchObject({ status: 0, sound: true, restored: { integrity: 'ok' } });
    expect(found.objects).toBeGreaterThan(3);
    if (name === 'litestream-0.5') return;
    const names = readdirSync(join(folder, 'generations'), { recursive: true, encoding: 'utf8' });
    const segment = join('generations', names.filter((one) => one.endsWith('.wal.lz4')).sort()[1] ?? '');
    const content = readFileSync(join(folder, segment));
    writeFileSync(join(folder, segment), content.subarray(0, content.length - 5));
    const spoilt = await verify(config, '-read');
    expect(spoilt.status).toBe(69);
    expect(spoilt.damaged.map(({ key }) => key)).toEqual([segment]);
  },
);
