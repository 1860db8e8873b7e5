/** `restore` onto what somebody else holds, or what is no file: it stops, and leaves everything as it was. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { takeWorkFolder } from '../../src/replication/start/take-work-folder.ts';
import { openFileStore } from '../../src/storage/file/store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { Site } from '../e2e/life.ts';
import { History } from '../restore/replica-builder.ts';
import { startS3Server } from '../servers/s3-server.ts';
import { s3Options } from '../storage/s3/backend.ts';
import { runVerb } from './run-verb.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'restore-place-')));
const replicaFolder = join(folder, 'replica');
const replica = `file://${replicaFolder}`;
const history = new History({ startedAt: Date.UTC(2026, 0, 15, 14, 30) });
let place: string;

beforeAll(async () => {
  history.grow(9, 20_000);
  await history.putLevel0(openFileStore({ type: 'file', path: replicaFolder }));
});
afterAll(() => {
  history.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  place = mkdtempSync(join(folder, 'place-'));
});

it('-force is refused over a database that a process replicates, by whatever spelling, and by URL', async () => {
  await using site = new Site();
  const life = site.start(['add=2', 'forever']);
  await life.waitFor(/^waiting$/m);
  await life.waitFor(/write (snapshot|wal segment)/);
  symlinkSync(join(site.database, '..'), join(place, 'folder'));
  symlinkSync(site.database, join(place, 'link.db'));
  const name = site.database.slice(site.database.lastIndexOf('/') + 1);
  const spellings = [site.database, join(place, 'folder', name), join(place, 'link.db')];
  const before = readdirSync(join(site.database, '..')).sort();
  for (const words of [
    ...spellings.map((path) => ['-config', site.config, path]),
    ...spellings.map((path) => ['-config', site.config, '-o', path, site.database]),
    ...spellings.map((path) => ['-o', path, replica]),
  ]) {
    const { status, errors, output } = await runVerb(['restore', '-force', ...words]);
    expect(errors, words.join(' ')).toContain('a process replicates');
    expect([status, output]).toEqual([69, '']);
  }
  expect(readdirSync(join(site.database, '..')).sort()).toEqual(before);
  life.end();
});

it('a path through a link is the database that the config has there', async () => {
  await using site = new Site();
  expect((await site.run(['add=2'])).code).toBe(0);
  symlinkSync(join(site.database, '..'), join(place, 'folder'));
  const path = join(place, 'folder', site.database.slice(site.database.lastIndexOf('/') + 1));
  const status = await runVerb(['status', '-json', '-config', site.config, path]);
  expect(JSON.parse(status.output)).toMatchObject([{ database: site.database, replicas: [{ status: 'in-sync' }] }]);
  // The position is left in the staging folder, so the next run goes on from it.
  expect((await runVerb(['restore', '-force', '-config', site.config, path])).status).toBe(0);
  expect((await site.run(['add=1'])).code).toBe(0);
});

it('a link to a file stays one: what is restored goes to its end', async () => {
  symlinkSync('real.db', join(place, 'link.db'));
  for (const words of [[], ['-force']]) {
    const { status, errors } = await runVerb(['restore', ...words, '-o', join(place, 'link.db'), replica]);
    expect(status, errors).toBe(0);
    expect(readFileSync(join(place, 'real.db')).equals(history.state(history.newest))).toBe(true);
  }
  expect(readdirSync(place).filter((name) => name.startsWith('link'))).toEqual(['link.db']);
});

describe('a folder', () => {
  it.each([[['-force']], [['-if-db-not-exists']], [[]]])(
    'is never moved aside nor taken for a database (%j)',
    async (words) => {
      const path = join(place, 'data');
      mkdirSync(path);
      writeFileSync(join(path, 'station.db'), 'mine');
      const { status, errors } = await runVerb(['restore', ...words, '-o', path, replica]);
      expect(status).toBe(69);
      expect(errors).toContain(`${path} is a folder\nhint: name the file to write, as in -o ${path}/station.db`);
      expect(readdirSync(place)).toEqual(['data']);
    },
  );

  it('that is missing is made, and one that ends with / is not taken for a file', async () => {
    expect((await runVerb(['restore', '-o', join(place, 'a/b/copy.db'), replica])).status).toBe(0);
    expect((await runVerb(['restore', '-o', join(place, 'new/'), replica])).status).toBe(64);
    expect(readdirSync(place)).toEqual(['a']);
    expect(readdirSync(join(place, 'a/b'))).toEqual(['copy.db']);
  });

  it('that takes no folders is an error at once, not for ever', async () => {
    const { status, errors } = await runVerb(['restore', '-o', '/proc/copy.db', replica]);
    expect(status, errors).toBe(78);
  });
});

it('a device is never moved aside', async () => {
  const { status, errors } = await runVerb(['restore', '-force', '-o', '/dev/null', replica]);
  expect([status, errors]).toEqual([69, expect.stringContaining('/dev/null is no file')]);
});

describe('two restores to one file', () => {
  it('do not write into each other: the second is told, and the first is whole', async () => {
    const output = join(place, 'copy.db');
    const work = await takeWorkFolder(output);
    const second = await runVerb(['restore', '-json', '-integrity-check', 'none', '-o', output, replica]);
    expect(second.status).toBe(69);
    expect(JSON.parse(second.output)).toMatchObject({ error: { code: 'RESTORE_OUTPUT_EXISTS' } });
    expect(second.errors).toContain(`another restore to ${output} is at work`);
    expect(readdirSync(place)).toEqual(['.copy.db-restore']);
    await work.release();
    expect(readdirSync(place)).toEqual([]);
    expect((await runVerb(['restore', '-o', output, replica])).status).toBe(0);
    expect(readdirSync(place)).toEqual(['copy.db']);
  });

  it('of many, one is at work at a time, and each that ends leaves room for the next', async () => {
    const output = join(place, 'copy.db');
    let working = 0;
    let taken = 0;
    await Promise.all(
      Array.from({ length: 30 }, async () => {
        const work = await takeWorkFolder(output).catch(() => undefined);
        if (work === undefined) return;
        working += 1;
        expect(working).toBe(1);
        await pause(1);
        working -= 1;
        taken += 1;
        await work.release();
      }),
    );
    expect(taken).toBeGreaterThan(0);
    expect(readdirSync(place)).toEqual([]);
  });
});

describe('a restore that is stopped', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('by %s ends with %i, and leaves nothing', async (signal, expected) => {
    await using server = await slowServer();
    const output = join(place, 'copy.db');
    const url = `s3://bucket/db?endpoint=${server.url}&region=us-east-1&force-path-style=true`;
    const child = spawn(process.execPath, [main, 'restore', '-json', '-o', output, url], {
      env: { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const told = text(child.stdout);
    while (!existsSync(join(place, '.copy.db-restore', 'restoring.db'))) await pause(20);
    child.kill(signal);
    expect(await ended).toBe(expected);
    expect(JSON.parse(await told)).toMatchObject({ error: { code: 'STOPPED', message: `stopped by ${signal}` } });
    expect(readdirSync(place)).toEqual([]);
  });

  it('by SIGKILL leaves a folder that the next one takes over', async () => {
    const output = join(place, 'copy.db');
    const work = join(place, '.copy.db-restore');
    mkdirSync(work);
    for (const name of ['restoring.db', 'restoring.db-journal']) writeFileSync(join(work, name), 'left over');
    writeFileSync(join(work, 'lock'), '');
    expect((await runVerb(['restore', '-o', output, replica])).status).toBe(0);
    expect(readdirSync(place)).toEqual(['copy.db']);
    expect(readFileSync(output).equals(history.state(history.newest))).toBe(true);
  });

  async function slowServer() {
    const server = await startS3Server({ buckets: ['bucket'] });
    const store = await openStore(s3Options(server, { path: 'db', region: 'us-east-1', forcePathStyle: true }));
    await history.putLevel0(store);
    await store.close();
    server.faults.add({ when: { operation: 'GetObject' }, do: { kind: 'slow', bytesPerSecond: 10_000 } });
    return Object.assign(server, { [Symbol.asyncDispose]: () => server.stop() });
  }
});
