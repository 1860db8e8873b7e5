/** One database on four replicas at once: a folder, S3, Google Cloud Storage and Azure. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyFromBytes } from '../../src/storage/object-body.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { type Cloud, type CloudName, cloudNames, startCloud } from '../servers/clouds.ts';
import { checkout, type Life, type ReplicaSettings, Site } from './life.ts';

let clouds: Readonly<Record<CloudName, Cloud>>;
beforeAll(async () => {
  const [s3, gcs, azure] = await Promise.all(cloudNames.map(startCloud));
  if (s3 === undefined || gcs === undefined || azure === undefined) throw new Error('a cloud is missing');
  clouds = { s3, gcs, azure };
});
afterAll(() => Promise.all(Object.values(clouds).map((cloud) => cloud.stop())));

const everywhere = ['file', ...cloudNames] as const;
type ReplicaName = (typeof everywhere)[number];

/** A database with a replica everywhere, each test's in a path of its own. */
class FourReplicas extends Site {
  readonly #path: string;

  constructor(path: string) {
    super([]);
    this.#path = path;
  }

  on(...names: readonly ReplicaName[]): { readonly replicas: readonly ReplicaSettings[] } {
    const replica = (name: ReplicaName) => (name === 'file' ? this.folderReplica() : clouds[name].replica(this.#path));
    return { replicas: names.map(replica) };
  }

  without(...left: readonly ReplicaName[]) {
    return this.on(...everywhere.filter((name) => !left.includes(name)));
  }

  /** What each one gives back by itself. */
  async rowsOfEach(): Promise<Readonly<Record<string, readonly number[]>>> {
    this.configure(this.on(...everywhere).replicas);
    const folder = mkdtempSync(join(this.folder, 'each-'));
    const rows = everywhere.map(async (name) => {
      const copy = join(folder, `${name}.db`);
      const words = ['restore', '-config', this.config, '-replica', name, '-o', copy, this.database];
      const restore = this.launch(join(checkout, 'entrypoint'), words);
      expect((await restore.ended).code, restore.log()).toBe(0);
      return [name, rowsIn(copy)] as const;
    });
    return Object.fromEntries(await Promise.all(rows));
  }

  async damage(name: CloudName): Promise<void> {
    const store = await openStore(clouds[name].store(this.#path));
    try {
      const files = (await Array.fromAsync(store.list(''))).filter(({ key }) => key.endsWith('.ltx'));
      const garbage = bodyFromBytes(Buffer.alloc(2_000, 'garbage'));
      for (const { key } of files) await store.put(key, garbage, { createOnly: false });
    } finally {
      await store.close();
    }
  }
}

function rowsIn(path: string): readonly number[] {
  const database = new Database(path);
  try {
    return database.prepare('SELECT id FROM rows ORDER BY id').pluck().all() as number[];
  } finally {
    database.close();
  }
}

const all = (rows: readonly number[]) => Object.fromEntries(everywhere.map((name) => [name, rows]));
const until = (life: Life, replica: string) =>
  life.waitFor(new RegExp(`write (snapshot|wal segment).* replica=${replica}`));

it('a lost disk comes back, and each of the four could have brought it alone', async () => {
  await using site = new FourReplicas('lost-disk');
  const first = site.start(['add=3', 'until-term'], site.on(...everywhere));
  await first.waitFor(/^waiting$/m);
  expect((await first.stop()).code, first.log()).toBe(0);
  expect(first.log()).not.toMatch(/level=(WARN|ERROR)/);
  expect(await site.rowsOfEach()).toEqual(all([1, 2, 3, 4]));
  site.wipe();
  const second = await site.run(['list', 'add=1'], site.on(...everywhere));
  expect(second.code, second.log()).toBe(0);
  expect(second.seen()).toEqual([1, 2, 3, 4]);
  expect(second.log()).toMatch(/restoring from file: .* \(level with s3, and the first of them in the config\)/);
  expect(await site.rowsOfEach()).toEqual(all([1, 2, 3, 4, 5]));
});

it.each(cloudNames)(
  'alone on %s, whatever way a child ends, the next finds its rows on an empty disk',
  async (name) => {
    await using site = new FourReplicas(`alone-${name}`);
    const expected: number[] = [];
    for (const [steps, status] of [
      [['exit=0'], 0],
      [['exit=1'], 1],
      [['exit=143'], 143],
      [['kill=SIGKILL'], 137],
      [['until-term'], 0],
      [['deaf', 'forever'], 137],
    ] as const) {
      site.wipe();
      const flags = ['--stop-timeout', '8s'];
      const life = site.start(['list', 'add=1', ...steps], { ...site.on(name), flags });
      const isToBeStopped = steps[0] === 'until-term' || steps[0] === 'deaf';
      if (isToBeStopped) await life.waitFor(steps[0] === 'deaf' ? /^row \d+$/m : /^waiting$/m);
      expect((await (isToBeStopped ? life.stop() : life.ended)).code, life.log()).toBe(status);
      expect(life.seen(), life.log()).toEqual(expected);
      expected.push(...life.acknowledged());
    }
    site.wipe();
    const last = await site.run(['list'], site.on(name));
    expect(last.seen(), last.log()).toEqual(expected);
  },
);

describe.each(cloudNames)('%s is down', (down) => {
  const others = everywhere.filter((name) => name !== down);

  it('at the start: the newest of the others is restored, loudly, and it catches up', async () => {
    await using site = new FourReplicas(`start-${down}-${Date.now()}`);
    await site.run(['add=2'], site.on(...everywhere));
    // Of those that answer, the folder and the one that is down are behind.
    await site.run(['add=1'], site.without('file', down));
    site.wipe();
    const { network } = clouds[down];
    await network.set({ kind: 'refuse' });
    try {
      const flags = ['--restore-timeout=2s'];
      const life = site.start(['list', 'add=1', 'until-term'], { ...site.on(...everywhere), flags });
      await life.waitFor(/^waiting$/m);
      expect(life.seen(), life.log()).toEqual([1, 2, 3]);
      expect(life.log()).toMatch(new RegExp(`level=WARN msg="restoring without ${down}: .*ECONNREFUSED`));
      expect(life.log()).toMatch(/msg="passing over file: TXID \S+ of .* s behind"/);
      expect(life.log()).not.toMatch(/restoring from file/);
      await network.set({ kind: 'pass' });
      await until(life, down);
      expect((await life.stop()).code, life.log()).toBe(0);
    } finally {
      await network.set({ kind: 'pass' });
    }
    expect(await site.rowsOfEach()).toEqual(all([1, 2, 3, 4, 5]));
  });

  it('at the drain: a warning and 0; the newest wins next time, and it gets what it lacks', async () => {
    // A second try must not find the rows of the first.
    await using site = new FourReplicas(`drain-${down}-${Date.now()}`);
    const { network } = clouds[down];
    try {
      const life = site.start(['add=1', 'until-term'], { ...site.on(...everywhere), flags: ['--stop-timeout', '5s'] });
      for (const name of everywhere) await until(life, name);
      await network.set({ kind: 'refuse' });
      expect((await life.stop()).code, life.log()).toBe(0);
      expect(life.log()).toMatch(new RegExp(`level=WARN msg="drain: replica is behind" .*replica=${down} `));
    } finally {
      await network.set({ kind: 'pass' });
    }
    site.wipe();
    const next = await site.run(['list', 'add=1'], site.on(...everywhere));
    expect(next.seen(), next.log()).toEqual([1, 2]);
    expect(next.code, next.log()).toBe(0);
    expect(next.log()).toMatch(new RegExp(`msg="passing over ${down}: TXID \\S+ of .* s behind"`));
    expect(next.log()).toMatch(new RegExp(`restoring from ${others[0]}: .*level with ${others[1]}`));
    expect(await site.rowsOfEach()).toEqual(all([1, 2, 3]));
  });
});

it('behind, empty, damaged, of Litestream 0.3, of an older history: the right one is chosen, and a dry run says why', async () => {
  await using site = new FourReplicas('choice');
  for (let round = 0; round < 4; round += 1) await site.run(['add=1'], site.on('file'));
  site.wipe();
  await site.run(['add=5'], site.without('file'));
  await site.run(['add=1'], site.on('s3', 'azure'));
  await site.damage('azure');
  site.wipe();
  const spare = site.folderReplica('spare');
  mkdirSync(site.replicaFolder('spare'), { recursive: true });
  const old = site.folderReplica('old');
  const generation = join(site.replicaFolder('old'), 'generations', '0123456789abcdef', 'snapshots');
  mkdirSync(generation, { recursive: true });
  writeFileSync(join(generation, '00000000.snapshot.lz4'), 'as Litestream 0.3 left it');
  const replicas = [...site.on(...everywhere).replicas, spare];

  site.configure([...replicas, old]);
  const words = ['restore', '-config', site.config, '-dry-run', site.database];
  const preview = site.launch(join(checkout, 'entrypoint'), words);
  expect((await preview.ended).code, preview.log()).toBe(0);
  const lines = preview.output().split('\n');
  const at = String.raw`TXID [0-9a-f]{16} of [-\dT:.]+Z, \d+ pages of 4096 bytes`;
  for (const line of [
    `^file: ${at}, [\\d.]+ s behind$`,
    `^s3: ${at}$`,
    `^gcs: ${at}, [\\d.]+ s behind$`,
    String.raw`^azure: nothing to restore: abs://\S+ holds \d+ LTX files up to TXID [0-9a-f]{16} \(\d+ damaged: .*, but no sound one to start from$`,
    '^spare: empty$',
    String.raw`^old: nothing to restore: file://.* holds a backup of Litestream 0.3 \(1 damaged: .*\), but no sound snapshot to start from$`,
    String.raw`^chosen: s3, captured latest: [\d.]+ s after gcs$`,
    '^warning: histories have parted: s3 .* is the later, yet not a continuation of file ',
    '^warning: restoring without azure: nothing to restore',
    String.raw`^would fetch \d+ files, \d+ bytes:$`,
  ]) {
    expect(lines, preview.output()).toContainEqual(expect.stringMatching(new RegExp(line)));
  }
  const asJson = site.launch(join(checkout, 'entrypoint'), [...words, '-json']);
  expect((await asJson.ended).code, asJson.log()).toBe(0);
  expect(JSON.parse(asJson.output())).toMatchObject({
    replica: 's3',
    ranking: ['s3', 'gcs', 'file'],
    why: expect.stringMatching(/^captured latest: /),
    parted: [
      { newer: { replica: 's3', txid: expect.stringMatching(/^[0-9a-f]{16}$/) }, older: { replica: 'file' } },
      {},
    ],
    warnings: expect.arrayContaining([expect.stringMatching(/^restoring without azure: /)]),
  });
  expect(site.dataFolder()).toEqual([]);

  const life = await site.run(['list', 'add=1'], { replicas });
  expect(life.code, life.log()).toBe(0);
  expect(life.seen()).toEqual([1, 2, 3, 4, 5, 6]);
  expect(life.log()).toMatch(/restoring from s3: .* \(captured latest: [\d.]+ s after gcs\)/);
  // All of them go on as one history from here.
  expect(await site.rowsOfEach()).toEqual(all([1, 2, 3, 4, 5, 6, 7]));
});
