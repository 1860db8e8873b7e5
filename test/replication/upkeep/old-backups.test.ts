/** Backups of the real Litestream 0.3.13, restored in place, with a new chain beside them, until the last of them has gone. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { milliseconds } from '../../../src/quantities.ts';
import { bodyFromBytes } from '../../../src/storage/object-body.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import { age, copyFixture, type FixtureName } from '../../fixtures/litestream-backups.ts';
import { startS3Server } from '../../servers/s3-server.ts';
import { s3Options } from '../../storage/s3/backend.ts';
import { HurriedSite } from '../support/hurried-site.ts';

const HOUR = 3_600_000;
const life = { retention: HOUR, snapshotInterval: HOUR, checkInterval: 20 };
const foreign = [
  'generations/README',
  'generations/f35f5fbace481038/wal/notes.txt',
  'generations/f35f/wal/00000000.wal',
];
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

interface Backup {
  /** When each object was put, oldest first. */
  readonly objects: readonly (readonly [key: string, time: number])[];
  /** Moments, and the hash of what was there then. */
  readonly moments: readonly (readonly [time: number, hash: string])[];
  readonly newest: string;
}

/** A backup that ended a minute ago, in a folder, beside files that are not of it. */
function putBackup(name: FixtureName, folder: string): Backup {
  mkdirSync(folder, { recursive: true });
  const { times, moments, newest } = copyFixture(name, folder);
  const later = Date.now() - 60_000 - Math.max(...Object.values(times));
  const objects = Object.entries(times)
    .map(([key, time]) => [key, time + later] as const)
    .sort(([, a], [, b]) => a - b);
  for (const [key, time] of objects) utimesSync(join(folder, key), time / 1000, time / 1000);
  for (const key of foreign) {
    mkdirSync(dirname(join(folder, key)), { recursive: true });
    writeFileSync(join(folder, key), 'not of 0.3');
  }
  return { objects, moments: moments.map(({ timestamp, sha256 }) => [timestamp + later, sha256] as const), newest };
}

/** A quarter as fast as others, from this moment on: so a busy machine does not miss what lies between two moments. */
function slowlyFrom(time: number): () => number {
  const began = Date.now();
  return () => Math.floor(time + (Date.now() - began) / 4);
}

/** Runs until this holds; then the clock stands still. */
async function untilThen(site: HurriedSite, what: string, condition: () => boolean): Promise<number> {
  await site.writeUntil(what, condition);
  const now = site.clock();
  site.clock = () => now;
  return now;
}

test('in a folder, they go part by part as their moments pass out of the retention, and what is promised is restored', async () => {
  await using site = new HurriedSite();
  const folder = site.replicaFolder('one');
  const { objects, moments, newest } = putBackup('litestream-0.3', folder);
  const left = () => objects.filter(([key]) => existsSync(join(folder, key))).map(([key]) => key);
  const [lastKey = '', lastTime = 0] = objects.at(-1) ?? [];
  const expectPromised = async (now: number) => {
    const promised = [...moments, [lastTime, newest] as const].filter(([moment]) => moment >= now - HOUR);
    for (const [moment, hash] of promised) {
      const image = await site.restored('one', { kind: 'timestamp', timestamp: milliseconds(moment) });
      expect(sha256(image), `of ${promised.length} moments, that at ${moment}`).toBe(hash);
    }
    return promised.length;
  };
  expect(sha256(await site.restored('one'))).toBe(newest);

  // The new chain begins, and its first snapshot.
  await site.start(life);
  await site.writeUntil('a snapshot', () => site.rangesAt('one', 9).length === 1);
  const superseded = Date.now();
  expect(left()).toHaveLength(objects.length);
  expect(await expectPromised(superseded)).toBe(moments.length + 1);
  const first = await site.end();
  expect((await site.restored('one')).equals(first)).toBe(true);

  // Time passes until a moment in the middle of the backup is the first that is promised.
  site.clock = slowlyFrom((moments.at(4)?.[0] ?? 0) + HOUR);
  await site.start(life);
  const now = await untilThen(site, 'objects that have gone', () => left().length < objects.length);
  expect(await expectPromised(now)).toBeGreaterThan(0);
  const kept = left();
  await site.end();

  // An empty disk; and hardly before all of it may go, its end is there: the chain does not reach back to it.
  rmSync(dirname(site.path), { recursive: true });
  site.clock = () => lastTime + HOUR;
  await site.start(life);
  await site.writeUntil('more that have gone', () => left().length < kept.length);
  expect(left()).toContain(lastKey);
  expect(await expectPromised(lastTime + HOUR)).toBe(1);

  // The chain's snapshot reaches back beyond the retention.
  site.clock = slowlyFrom(superseded + HOUR + 1);
  await site.writeUntil('the last of the backup gone', () => left().length === 0);
  for (const key of foreign) expect(readFileSync(join(folder, key), 'utf8')).toBe('not of 0.3');
  const image = await site.end();
  expect((await site.restored('one')).equals(image)).toBe(true);
});

test('beside a chain of a few commits, too few to merge, they go once its snapshot is old enough', async () => {
  await using site = new HurriedSite();
  const folder = site.replicaFolder('one');
  const { objects, newest } = putBackup('litestream-0.3', folder);
  const left = () => objects.filter(([key]) => existsSync(join(folder, key))).length;
  const timestamp = milliseconds(objects.at(-1)?.[1] ?? 0);
  const began = Date.now();
  // A snapshot interval and an hour more: the snapshot holds a state that is an interval old when it is made.
  const patient = { ...life, retention: 2 * HOUR };
  await site.start(patient);
  site.commit();
  await site.end();
  expect(site.rangesAt('one', 0).length).toBeLessThan(5);
  expect(site.rangesAt('one', 9)).toEqual([]);

  // A snapshot interval after it began.
  site.clock = slowlyFrom(began + HOUR + 10_000);
  await site.start(patient);
  await expect.poll(() => site.rangesAt('one', 9).length, { timeout: 20_000 }).toBe(1);
  await site.end();
  expect(left()).toBeGreaterThan(0);
  expect(sha256(await site.restored('one', { kind: 'timestamp', timestamp }))).toBe(newest);

  site.clock = slowlyFrom(began + 2 * HOUR + 20_000);
  await site.start(patient);
  await expect.poll(left, { timeout: 20_000 }).toBe(0);
  const image = await site.end();
  expect(site.rangesAt('one', 1)).toEqual([]);
  expect((await site.restored('one')).equals(image)).toBe(true);
});

test('encrypted, they stay as they are until the chain reaches back beyond the retention, and then go', async () => {
  await using site = new HurriedSite(['one'], { age: { ...age, where: 'test' } });
  const folder = site.replicaFolder('one');
  const { objects, newest } = putBackup('litestream-0.3-age', folder);
  const left = () => objects.filter(([key]) => existsSync(join(folder, key)));
  const contents = () => left().map(([key]) => readFileSync(join(folder, key)));
  const before = contents();
  await site.start(life);
  await site.writeUntil('a snapshot', () => site.rangesAt('one', 9).length === 1);
  const superseded = Date.now();
  const timestamp = milliseconds(objects.at(-1)?.[1] ?? 0);
  site.clock = slowlyFrom(timestamp + HOUR - 20_000);
  await site.writeUntil('a merge', () => site.rangesAt('one', 1).length > 0);
  expect(contents()).toEqual(before);
  expect(sha256(await site.restored('one', { kind: 'timestamp', timestamp }))).toBe(newest);
  site.clock = slowlyFrom(superseded + HOUR + 1);
  await site.writeUntil('the last of the backup gone', () => left().length === 0);
  for (const key of foreign) expect(readFileSync(join(folder, key), 'utf8')).toBe('not of 0.3');
  const image = await site.end();
  expect((await site.restored('one')).equals(image)).toBe(true);
});

test('on S3, deletions that were only confirmed are found and done again', async () => {
  let now: () => number = Date.now;
  const server = await startS3Server({ buckets: ['bucket'], now: () => now() });
  try {
    await using site = new HurriedSite(['one'], s3Options(server));
    const folder = join(site.folder, 'old');
    const { objects } = putBackup('litestream-0.3', folder);
    const store = await openStore(s3Options(server));
    const put = (key: string) => store.put(key, bodyFromBytes(readFileSync(join(folder, key))), { createOnly: true });
    for (const [key, time] of objects) {
      now = () => time;
      await put(key);
    }
    now = Date.now;
    for (const key of foreign) await put(key);
    await store.close();
    const keysBelow = (prefix: string) =>
      server.objects('bucket').flatMap(({ key }) => (key.startsWith(`root/${prefix}`) ? [key.slice(5)] : []));
    const deletions = () => server.requests.filter(({ operation }) => operation === 'DeleteObjects').length;

    await site.start(life);
    await site.writeUntil('a snapshot', () => keysBelow('0009/').length === 1);
    expect(keysBelow('generations/')).toHaveLength(objects.length + foreign.length);
    // Until one has taken from the backup, deletions are lies.
    const before = deletions();
    server.faults.add({ when: { operation: 'DeleteObjects' }, times: 1, do: { kind: 'keep-deleted' } });
    site.pass(2 * HOUR);
    await site.writeUntil('the backup gone', () => keysBelow('generations/').length === foreign.length);
    expect(keysBelow('generations/').sort()).toEqual([...foreign].sort());
    expect(deletions()).toBeGreaterThan(before + 1);
    const image = await site.end();
    expect((await site.restored('one')).equals(image)).toBe(true);
  } finally {
    await server.stop();
  }
});
