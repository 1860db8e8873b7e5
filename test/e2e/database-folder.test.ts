/** `dbs: - dir:` as a process: what is found, restored, followed and let go of. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { checkout, type Life, type ReplicaSettings, Site } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

const MANY = 200;
/** Whatever a machine that is busy with other tests takes; only a hang lasts that long. */
const PATIENCE = 120_000;

/** A disk with a folder of databases, which are replicated to another folder. */
class FolderSite extends Site {
  readonly data = join(this.folder, 'data');
  readonly replica = join(this.folder, 'replicas', 'file');
  settings: Readonly<Record<string, unknown>> = { watch: true };
  destination: ReplicaSettings = { type: 'file', path: this.replica, 'sync-interval': '1s' };

  begin(environment: Readonly<Record<string, string>> = {}): Life {
    const entry = { dir: this.data, pattern: '*.db', ...this.settings, replica: this.destination };
    writeFileSync(this.config, stringify({ logging: { stderr: true }, dbs: [entry] }));
    const flags = ['--config', this.config, '--log-level', 'debug'];
    const waiting = 'trap "exit 0" TERM; echo waiting; while :; do sleep 600 & wait; done';
    return this.launch(join(checkout, 'entrypoint'), ['run', ...flags, '--', '/bin/sh', '-c', waiting], environment);
  }

  path(name: string): string {
    return join(this.data, name);
  }

  write(name: string, ...rows: readonly string[]): void {
    mkdirSync(join(this.data, name, '..'), { recursive: true });
    const database = new Database(this.path(name));
    try {
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = OFF');
      database.exec('CREATE TABLE IF NOT EXISTS rows (name TEXT)');
      for (const row of rows) database.prepare('INSERT INTO rows VALUES (?)').run(row);
    } finally {
      database.close();
    }
  }

  rows(name: string): readonly unknown[] {
    const database = new Database(this.path(name), { readonly: true });
    try {
      return database.prepare('SELECT name FROM rows ORDER BY rowid').pluck().all();
    } finally {
      database.close();
    }
  }

  remove(name: string): void {
    for (const suffix of ['', '-wal', '-shm']) rmSync(this.path(name) + suffix, { force: true });
  }

  loseDisk(): void {
    rmSync(this.data, { recursive: true });
  }

  /** Names of databases, without what stands beside them. */
  databases(): readonly string[] {
    return readdirSync(this.data).filter((name) => name.endsWith('.db'));
  }
}

it('200 small databases cost little memory and next to no time, and all come back on an empty disk', async () => {
  await using site = new FolderSite();
  const names = Array.from({ length: MANY }, (_, index) => `tenant-${String(index).padStart(3, '0')}.db`);
  for (const name of names) site.write(name, name);
  // Leases are renewed three times in it: what that costs grows with their number, and is not what is measured here.
  const environment = { STATION_LEASE_DURATION: '5m' };
  const first = site.begin(environment);
  await first.waitFor(/^waiting$/m, PATIENCE);
  await holdsAll(site, names);
  // The checkpointer looks twice more before it rests.
  await pause(4_000);
  const before = cpuTime(first.pid);
  await pause(10_000);
  const share = (cpuTime(first.pid) - before) / 10_000;
  const idle = memory(first.pid);
  expect((await first.stop()).code, first.log().slice(-4_000)).toBe(0);
  // Of a core; a machine was seen to charge forty times as much for the same idling from one day to the next.
  expect(share).toBeLessThan(0.25);
  expect(idle).toBeLessThan(300);
  expect(first.log()).not.toContain('could not be given back');

  site.loseDisk();
  const second = site.begin(environment);
  await second.waitFor(/^waiting$/m, PATIENCE);
  expect(site.databases()).toEqual(names);
  expect(names.filter((name) => String(site.rows(name)) !== name)).toEqual([]);
  const restored = memory(second.pid);
  expect((await second.stop()).code, second.log().slice(-4_000)).toBe(0);
  expect(restored).toBeLessThan(300);
}, 300_000);

it('a database that appears is replicated, one that is deleted is let go of, and its replica stays', async () => {
  await using site = new FolderSite();
  site.settings = { watch: true, recursive: true };
  mkdirSync(site.data);
  writeFileSync(site.path('notes.db'), 'not a database');
  const life = site.begin();
  await life.waitFor(/^waiting$/m);

  site.write('eu/new.db', 'first');
  await life.waitFor(/a database has appeared.*eu\/new\.db/);
  await holdsAll(site, ['eu/new.db']);
  expect(life.log().match(/left alone: it is not a SQLite database.*notes\.db/g)).toHaveLength(1);

  site.write('eu/new.db', 'last before it is deleted');
  site.remove('eu/new.db');
  await life.waitFor(/a database is gone: it is followed no longer; its replica stays.*eu\/new\.db/);
  expect(existsSync(site.path('eu/new.db'))).toBe(false);
  expect(await restored(site, 'eu/new.db')).toEqual(['first', 'last before it is deleted']);

  // What comes under its name goes on above it.
  site.write('eu/new.db', 'another');
  await life.waitFor(/a database has appeared[\s\S]*a database has appeared.*eu\/new\.db/);
  // Made when nobody has looked yet, and nobody will but for the stop.
  site.write('made-at-the-end.db', 'in time');
  expect((await life.stop()).code, life.log()).toBe(0);

  site.loseDisk();
  const next = site.begin();
  await next.waitFor(/^waiting$/m);
  expect(site.rows('eu/new.db')).toEqual(['another']);
  expect(site.rows('made-at-the-end.db')).toEqual(['in time']);
  expect((await next.stop()).code, next.log()).toBe(0);
  expect(await restored(site, 'eu/new.db', '-txid', '0000000000000001')).toEqual(['first']);
});

it('a start that was killed while it restored is gone on with; a database that was deleted stays deleted', async () => {
  await using site = new FolderSite();
  for (const name of ['a.db', 'b.db', 'c.db']) site.write(name, name);
  const first = site.begin();
  await first.waitFor(/^waiting$/m);
  await holdsAll(site, ['a.db', 'b.db', 'c.db']);
  expect((await first.stop()).code, first.log()).toBe(0);

  site.remove('b.db');
  const second = site.begin();
  await second.waitFor(/^waiting$/m);
  expect(site.databases()).toEqual(['a.db', 'c.db']);
  expect((await second.stop()).code, second.log()).toBe(0);

  site.loseDisk();
  const killed = site.begin({ STATION_FAULT_POINT: 'before-publish:2' });
  expect((await killed.ended).signal, killed.log()).toBe('SIGKILL');
  expect(site.databases()).toHaveLength(1);
  const third = site.begin();
  await third.waitFor(/^waiting$/m);
  expect(site.databases()).toEqual(['a.db', 'b.db', 'c.db']);
  expect((await third.stop()).code, third.log()).toBe(0);
});

it('what a bucket holds below its path comes back, subfolders and all', async () => {
  await using store = await startStore();
  await using site = new FolderSite();
  site.settings = { watch: true, recursive: true };
  site.destination = s3Replica(store, store.url);
  for (const name of ['a.db', 'eu/b.db', 'eu/west/c.db']) site.write(name, name);
  const first = site.begin();
  await first.waitFor(/^waiting$/m);
  expect((await first.stop()).code, first.log()).toBe(0);
  site.loseDisk();
  const second = site.begin();
  await second.waitFor(/^waiting$/m);
  for (const name of ['a.db', 'eu/b.db', 'eu/west/c.db']) expect(site.rows(name)).toEqual([name]);
  expect((await second.stop()).code, second.log()).toBe(0);
});

it('a replica that cannot be reached is not one without databases', async () => {
  await using site = new FolderSite();
  site.write('a.db', 'a');
  const first = site.begin();
  await first.waitFor(/^waiting$/m);
  await holdsAll(site, ['a.db']);
  await first.stop();
  site.loseDisk();
  renameSync(site.replica, `${site.replica}-away`);
  symlinkSync(join(site.folder, 'not-mounted'), site.replica);
  const second = site.begin({ STATION_RESTORE_TIMEOUT: '2s' });
  expect((await second.ended).code, second.log()).toBe(69);
  expect(second.log()).toContain('RESTORE_UNREACHABLE');
  expect(second.output()).not.toContain('waiting');
});

it('no database anywhere and nobody to notice one is a mistake, not an empty start', async () => {
  await using site = new FolderSite();
  site.settings = {};
  const life = site.begin();
  expect((await life.ended).code, life.log()).toBe(78);
  expect(life.log()).toMatch(/no file of .* matches \*\.db, and no replica holds one.*watch: true/);
});

/** Waits until the replica holds a file of each. */
async function holdsAll(site: FolderSite, names: readonly string[]): Promise<void> {
  const holds = (name: string) => {
    const folder = join(site.replica, name, 'ltx', '0');
    return existsSync(folder) && readdirSync(folder).some((file) => file.endsWith('.ltx'));
  };
  const giveUp = Date.now() + 20_000;
  while (!names.every(holds)) {
    if (Date.now() > giveUp) throw new Error(`the replica lacks some of ${names.length} databases`);
    await pause(100);
  }
}

/** The rows that a replica holds, by `entrypoint restore`. */
async function restored(site: FolderSite, name: string, ...options: readonly string[]): Promise<readonly unknown[]> {
  const copy = site.path(`copy-${options.length}`);
  const words = ['restore', '-config', site.config, ...options, '-o', copy, site.path(name)];
  const restore = site.launch(join(checkout, 'entrypoint'), words);
  expect((await restore.ended).code, restore.log()).toBe(0);
  return site.rows(basename(copy));
}

/** In MiB. */
function memory(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** In milliseconds; the kernel counts hundredths of a second. */
function cpuTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
