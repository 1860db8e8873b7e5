import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseConfig } from '../../src/config/config.ts';
import { createLog } from '../../src/observe/create-log.ts';
import { type Bytes, bytes, milliseconds } from '../../src/quantities.ts';
import { createReplication } from '../../src/replication/replication.ts';
import type { ReplicationSettings } from '../../src/replication/replication-settings.ts';
import type { Replication } from '../../src/supervisor/replication-port.ts';
import { clocks, settings as defaults } from './support/settings.ts';

let folder: string;
let running: Replication | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'replication-'));
});
afterEach(async () => {
  await running?.close();
  running = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const path = () => join(folder, 'data', 'station.db');
const never = new AbortController().signal;

/** Replication of the database to these folders, prepared. */
async function prepare(
  replicas: readonly string[],
  change: Partial<ReplicationSettings> = {},
  maxUploadRate?: Bytes,
): Promise<Replication> {
  const where = 'test';
  const retention = { enabled: true, duration: milliseconds(3.6e6), checkInterval: milliseconds(3.6e6) };
  const database: DatabaseConfig = {
    path: path(),
    stagingFolder: join(folder, 'data', '.station.db-litestream'),
    stagingMaxBytes: bytes(1 << 30),
    replicas: replicas.map((name) => ({
      name,
      store: { type: 'file', path: join(folder, name) },
      syncInterval: milliseconds(1_000),
      maxUploadRate,
      snapshotInterval: milliseconds(3.6e6),
      retention,
      validationInterval: undefined,
      where,
    })),
    notConfigured: [],
    restore: { quickCheckMaxBytes: bytes(1 << 30) },
    compaction: {
      levels: [],
      level0Retention: milliseconds(3.6e6),
      level0RetentionCheckInterval: milliseconds(3.6e6),
    },
    where,
  };
  const replication = createReplication({
    databases: [database],
    settings: {
      ...defaults,
      lease: {
        kind: 'on',
        duration: milliseconds(3_000),
        takeover: undefined,
        timeout: milliseconds(20_000),
        environment: {},
      },
      ...change,
    },
    drainRequire: 'all',
    drainAtMost: undefined,
    log: createLog({ format: 'logfmt', level: 'ERROR' }),
    clocks,
  });
  running = replication;
  await replication.prepare(never);
  return replication;
}

/** The last capture and upload, as when the container stops. */
async function drain(replication: Replication) {
  const report = await replication.drain(AbortSignal.timeout(10_000));
  await replication.close();
  running = undefined;
  return report;
}

/** One process's writes; closing is left to the caller, as a kill would. */
function write(...notes: readonly string[]): Database.Database {
  mkdirSync(join(folder, 'data'), { recursive: true });
  const database = new Database(path());
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE IF NOT EXISTS note (text)');
  for (const note of notes) database.prepare('INSERT INTO note VALUES (?)').run(note);
  return database;
}

function notes(): readonly unknown[] {
  const database = new Database(path());
  try {
    return database.prepare('SELECT text FROM note').pluck().all();
  } finally {
    database.close();
  }
}

const files = (replica: string, level: number) => {
  const at = join(folder, replica, 'ltx', String(level));
  return (existsSync(at) ? readdirSync(at) : []).filter((name) => name.endsWith('.ltx'));
};
const wipe = () => rmSync(join(folder, 'data'), { recursive: true, force: true });

async function captured(count: number): Promise<void> {
  const saved = join(folder, 'data/.station.db-litestream/station/position.json');
  const giveUp = Date.now() + 20_000;
  for (;;) {
    const text = existsSync(saved) ? readFileSync(saved, 'utf8') : '{ "txid": 0 }';
    const { txid } = JSON.parse(text) as { readonly txid: number };
    if (txid >= count) return;
    if (Date.now() > giveUp) throw new Error(`still at TXID ${txid}`);
    await sleep(20);
  }
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const giveUp = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > giveUp) throw new Error(`in vain: ${what}`);
    await sleep(20);
  }
}

describe('replication of a database', () => {
  it('begins a replica anew that somebody emptied meanwhile, also where nothing more is committed', async () => {
    let replication = await prepare(['one', 'two']);
    write('a', 'b').close();
    await until('both hold it', () => files('one', 0).length > 0 && files('two', 0).length > 0);
    rmSync(join(folder, 'one'), { recursive: true });
    await until('one holds all of it again', () => files('one', 9).length + files('one', 0).length > 0);
    write('c').close();
    expect(await drain(replication)).toMatchObject({ complete: true });
    wipe();
    rmSync(join(folder, 'two'), { recursive: true });
    replication = await prepare(['one']);
    expect(notes()).toEqual(['a', 'b', 'c']);
    await drain(replication);
  });

  it('brings it to every replica, and a new container takes it up where it was', async () => {
    let replication = await prepare(['one', 'two']);
    write('a', 'b').close();
    expect(await drain(replication)).toMatchObject({ complete: true });
    wipe();
    replication = await prepare(['one', 'two']);
    write('c').close();
    await drain(replication);
    expect(files('one', 0)).toEqual(files('two', 0));
    wipe();
    await drain(await prepare(['one', 'two']));
    expect(notes()).toEqual(['a', 'b', 'c']);
  });

  it('keeps to a limit on the rate, until the last sync', async () => {
    const rate = bytes(16 * 1024);
    // More than the second's worth that goes at once, and nothing that compression would make small.
    write(randomBytes(400 * 1024).toString('hex')).close();
    const replication = await prepare(['slow'], {}, rate);
    await captured(1);
    await sleep(1_000);
    expect(files('slow', 0)).toEqual([]);
    expect(await drain(replication)).toMatchObject({ complete: true });
    expect(files('slow', 0).length).toBeGreaterThan(0);
  });

  it('uploads nothing anew after a restore, a commit and a death before its upload', async () => {
    let replication = await prepare(['one']);
    write('a').close();
    await drain(replication);
    wipe();
    replication = await prepare(['one']);
    // One commit is captured, and the process dies before the replica has it.
    const before = files('one', 0).length;
    const database = write('b');
    await captured(before + 1);
    await replication.close();
    running = undefined;
    for (const name of files('one', 0).slice(before)) rmSync(join(folder, 'one/ltx/0', name));
    database.close();
    await drain(await prepare(['one']));
    expect(readdirSync(join(folder, 'one/ltx'))).toEqual(['0']);
    wipe();
    await drain(await prepare(['one']));
    expect(notes()).toEqual(['a', 'b']);
  });

  it('gives a replica that is added later a snapshot, and then the same files', async () => {
    let replication = await prepare(['one']);
    write('a').close();
    await drain(replication);
    replication = await prepare(['one']);
    write('b').close();
    await drain(replication);
    replication = await prepare(['one', 'late']);
    write('c').close();
    expect(await drain(replication)).toMatchObject({ complete: true });
    expect(files('late', 9)).toHaveLength(1);
    wipe();
    await drain(await prepare(['late']));
    expect(notes()).toEqual(['a', 'b', 'c']);
  });

  it('is closed in good order after a drain that never came, and the database is free', async () => {
    const replication = await prepare(['one']);
    write('a').close();
    await replication.close();
    running = undefined;
    await drain(await prepare(['one']));
    wipe();
    await drain(await prepare(['one']));
    expect(notes()).toEqual(['a']);
  });
});

describe('a database that is here while its replica is ahead', () => {
  beforeEach(async () => {
    const replication = await prepare(['one']);
    write('theirs').close();
    await drain(replication);
    wipe();
    write('ours').close();
  });

  it('stops the start, and nothing is held or changed', async () => {
    await expect(prepare(['one'])).rejects.toMatchObject({ code: 'REPLICA_AHEAD', exitStatus: 69 });
    expect(notes()).toEqual(['ours']);
  });

  it('goes on above the replica where it is to be kept', async () => {
    const replication = await prepare(['one'], { onConflict: 'keep-local' });
    write('ours too').close();
    expect(await drain(replication)).toMatchObject({ complete: true });
    wipe();
    await drain(await prepare(['one']));
    expect(notes()).toEqual(['ours', 'ours too']);
  });

  it('is moved aside where the replica is to be used', async () => {
    await drain(await prepare(['one'], { onConflict: 'use-replica' }));
    expect(notes()).toEqual(['theirs']);
    expect(readdirSync(join(folder, 'data')).some((name) => name.includes('set-aside'))).toBe(true);
  });
});

describe('an application that deletes its database', () => {
  it('gets the new one replicated above the old', async () => {
    const replication = await prepare(['one']);
    write('old').close();
    replication.syncSoon();
    await captured(1);
    for (const suffix of ['', '-wal', '-shm']) rmSync(path() + suffix, { force: true });
    write('new').close();
    expect(await drain(replication)).toMatchObject({ complete: true });
    wipe();
    await drain(await prepare(['one']));
    expect(notes()).toEqual(['new']);
  });
});
