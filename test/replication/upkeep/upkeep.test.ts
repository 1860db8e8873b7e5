import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseConfig } from '../../../src/config/config.ts';
import { parseFileName } from '../../../src/ltx/file-name.ts';
import { createLog } from '../../../src/observe/create-log.ts';
import { bytes, milliseconds } from '../../../src/quantities.ts';
import { createReplication } from '../../../src/replication/replication.ts';
import { restoreDatabase } from '../../../src/restore/restore.ts';
import type { RestoreTarget } from '../../../src/restore/restore-options.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import type { Replication } from '../../../src/supervisor/replication-port.ts';

let folder: string;
let running: Replication | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'upkeep-'));
});
afterEach(async () => {
  await running?.close();
  running = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const path = () => join(folder, 'data', 'station.db');
const never = new AbortController().signal;

interface Change {
  readonly retention?: number;
  readonly level0Retention?: number;
  readonly snapshotInterval?: number;
  readonly replicas?: readonly string[];
  readonly stagingMaxBytes?: number;
}

async function start(change: Change = {}): Promise<Replication> {
  const { retention = 3.6e6, level0Retention = 500, snapshotInterval = 3.6e6, replicas = ['one'] } = change;
  const database: DatabaseConfig = {
    path: path(),
    stagingFolder: join(folder, 'data', '.station.db-litestream'),
    stagingMaxBytes: bytes(change.stagingMaxBytes ?? 1 << 30),
    replicas: replicas.map((name) => ({
      name,
      store: { type: 'file', path: join(folder, name) },
      syncInterval: milliseconds(20),
      maxUploadRate: undefined,
      snapshotInterval: milliseconds(snapshotInterval),
      retention: {
        enabled: true,
        duration: milliseconds(retention),
        checkInterval: milliseconds(500),
        grace: milliseconds(0),
      },
      validationInterval: undefined,
      where: 'test',
    })),
    notConfigured: [],
    restore: { quickCheckMaxBytes: bytes(1 << 30) },
    compaction: {
      levels: [500, 2_000].map(milliseconds),
      level0Retention: milliseconds(level0Retention),
      level0RetentionCheckInterval: milliseconds(100),
    },
    where: 'test',
  };
  const replication = createReplication({
    databases: [database],
    settings: {
      restore: { quorum: 'any', from: undefined },
      restoreTimeout: milliseconds(5_000),
      lookTimeout: milliseconds(2_000),
      onConflict: 'stop',
      integrity: 'quick',
      integrityMaxBytes: undefined,
      lease: { kind: 'off' },
    },
    drainRequire: 'all',
    drainAtMost: undefined,
    log: createLog({ format: 'logfmt', level: 'ERROR' }),
    clocks: {
      wall: () => milliseconds(Date.now()),
      monotonic: () => milliseconds(performance.now()),
      random: Math.random,
    },
  });
  running = replication;
  await replication.prepare(never);
  return replication;
}

const filesOf = (replica: string, level: number): readonly string[] => {
  const at = join(folder, replica, 'ltx', String(level));
  return existsSync(at) ? readdirSync(at).sort() : [];
};

async function until(what: string, condition: () => boolean): Promise<void> {
  const giveUp = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > giveUp) throw new Error(`in vain: ${what}`);
    await sleep(10);
  }
}

/** The database as this replica gives it back; SQLite's own check is part of it. */
async function restored(replica: string, target: RestoreTarget = { kind: 'newest' }): Promise<Buffer> {
  const output = join(folder, 'restored.db');
  rmSync(output, { force: true });
  const store = await openStore({ type: 'file', path: join(folder, replica) });
  const outcome = await restoreDatabase({
    replicas: [{ name: replica, store }],
    target,
    policy: { quorum: 'any', from: undefined },
    events: { step: () => {}, warn: () => {}, progress: () => {} },
    signal: never,
    output,
    overwrite: true,
    checksumFile: undefined,
    integrity: { mode: 'full', maxBytes: bytes(1 << 30) },
  });
  expect(outcome.kind).toBe('restored');
  return readFileSync(output);
}

/** Opens the database as the application, which has just been started. */
function openDatabase(): Database.Database {
  mkdirSync(join(folder, 'data'), { recursive: true });
  const database = new Database(path());
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, body BLOB)');
  return database;
}

const rangesAt = (replica: string, level: number) =>
  filesOf(replica, level).flatMap((name) => parseFileName(name) ?? []);

/** The end: the application has gone, the drain is complete, and the file is the database, alone. */
async function end(replication: Replication, database: Database.Database): Promise<Buffer> {
  database.close();
  expect((await replication.drain(AbortSignal.timeout(30_000))).complete).toBe(true);
  await replication.close();
  running = undefined;
  return readFileSync(path());
}

function write(database: Database.Database): void {
  database.exec('INSERT INTO t (body) VALUES (randomblob(2000))');
}

describe('a replica that is written to', () => {
  it('is merged level by level, copied whole and cleared, one staged copy for all, and gives the database back', async () => {
    const replication = await start({ replicas: ['one', 'two'] });
    const database = openDatabase();
    for (const replica of ['one', 'two']) {
      await until('two files at level 2, and level-0 files gone', () => {
        write(database);
        const first = rangesAt(replica, 1)[0]?.minTxid ?? 0;
        const isGone = !rangesAt(replica, 0).some(({ minTxid }) => minTxid === first);
        return rangesAt(replica, 2).length >= 2 && isGone;
      });
    }
    const image = await end(replication, database);
    for (const replica of ['one', 'two']) {
      const [snapshot] = rangesAt(replica, 9);
      for (const level of [1, 2]) {
        const files = rangesAt(replica, level);
        // From the first snapshot on, without a gap.
        expect(files.map(({ minTxid }) => minTxid - 1)).toEqual(
          [snapshot, ...files.slice(0, -1)].map((one) => one?.maxTxid),
        );
      }
      expect((await restored(replica)).equals(image)).toBe(true);
      const points = [...rangesAt(replica, 1), ...rangesAt(replica, 0)].map(({ maxTxid }) => maxTxid);
      for (const point of [points[1], points.at(-3)]) {
        await restored(replica, { kind: 'txid', txid: point as never });
      }
    }
    // Nothing of the upkeep is left on the disk but what the next level would have been made of.
    expect(rangesAt('one', 9)).toEqual(rangesAt('two', 9));
  });

  it('loses what is older than was promised, and never the newest state', async () => {
    const replication = await start({ retention: 1_000, snapshotInterval: 700 });
    const database = openDatabase();
    const seen = new Set<number>();
    await until('four snapshots, of which the first have gone', () => {
      write(database);
      for (const { maxTxid } of rangesAt('one', 9)) seen.add(maxTxid);
      return seen.size >= 4 && rangesAt('one', 9).length < seen.size - 1;
    });
    const image = await end(replication, database);
    const oldest = rangesAt('one', 9)[0]?.maxTxid ?? 0;
    // Below the oldest snapshot only the newest file of a level stays.
    for (const level of [0, 1, 2]) {
      const below = rangesAt('one', level).filter(({ maxTxid }) => maxTxid <= oldest);
      expect(below.length).toBeLessThanOrEqual(1);
    }
    expect((await restored('one')).equals(image)).toBe(true);
    await restored('one', { kind: 'txid', txid: oldest as never });
  });

  it('is gone on with after a restart: nothing is merged twice, and nothing left out', async () => {
    const first = await start();
    const database = openDatabase();
    await until('a merge', () => {
      write(database);
      return rangesAt('one', 1).length >= 2;
    });
    await end(first, database);
    const before = rangesAt('one', 1);
    const second = await start();
    const again = openDatabase();
    await until('another merge', () => {
      write(again);
      return rangesAt('one', 1).length >= before.length + 2;
    });
    const image = await end(second, again);
    const after = rangesAt('one', 1);
    expect(after.slice(0, before.length)).toEqual(before);
    for (const [index, file] of after.entries()) {
      if (index > 0) expect(file.minTxid).toBe((after[index - 1]?.maxTxid ?? 0) + 1);
    }
    expect((await restored('one')).equals(image)).toBe(true);
  });

  it('whose staging folder is full is merged all the same, from what the replica has', async () => {
    const replication = await start({ stagingMaxBytes: 1 });
    const database = openDatabase();
    await until('two files at level 2', () => {
      write(database);
      return rangesAt('one', 2).length >= 2;
    });
    const image = await end(replication, database);
    expect((await restored('one')).equals(image)).toBe(true);
  });
});
