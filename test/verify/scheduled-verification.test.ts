/** `verify-interval`: the running process verifies its replicas by itself, tells the verdict, and is out of the way at a stop. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseConfig } from '../../src/config/config.ts';
import type { Log, LogFields } from '../../src/observe/log.ts';
import { bytes, type Milliseconds, milliseconds } from '../../src/quantities.ts';
import { createReplication } from '../../src/replication/replication.ts';
import type { Replication } from '../../src/supervisor/replication-port.ts';
import { nextVerificationAt } from '../../src/verify/next-verification.ts';
import { clocks, settings } from '../replication/support/settings.ts';

let folder: string;
let running: Replication | undefined;
let lines: string[];
let app: Database.Database;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'scheduled-'));
  mkdirSync(join(folder, 'data'));
  lines = [];
  app = new Database(join(folder, 'data', 'station.db'));
  app.pragma('journal_mode = WAL');
  app.exec('CREATE TABLE note (text)');
});
afterEach(async () => {
  app.close();
  await running?.close();
  rmSync(folder, { recursive: true, force: true });
});

const at =
  (level: string) =>
  (message: string, fields: LogFields = {}) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), with: () => log };

const own = () => join(folder, 'data', '.station.db-litestream', 'station');

async function start(interval: Milliseconds): Promise<Replication> {
  const where = 'test';
  const hour = milliseconds(3.6e6);
  const database: DatabaseConfig = {
    path: join(folder, 'data', 'station.db'),
    stagingFolder: join(folder, 'data', '.station.db-litestream'),
    stagingMaxBytes: bytes(1 << 30),
    replicas: [
      {
        name: 'file',
        store: { type: 'file', path: join(folder, 'replica') },
        syncInterval: milliseconds(1_000),
        maxUploadRate: undefined,
        snapshotInterval: hour,
        retention: { enabled: true, duration: hour, checkInterval: hour },
        validationInterval: interval,
        where,
      },
    ],
    notConfigured: [],
    restore: { quickCheckMaxBytes: bytes(1 << 30) },
    compaction: { levels: [], level0Retention: hour, level0RetentionCheckInterval: hour },
    where,
  };
  running = createReplication({
    databases: [database],
    settings,
    drainRequire: 'all',
    drainAtMost: undefined,
    log,
    clocks,
  });
  await running.prepare(new AbortController().signal);
  return running;
}

const write = (text: string) => app.prepare('INSERT INTO note VALUES (?)').run(text);
const told = async (what: RegExp) => await expect.poll(() => lines.join('\n'), { timeout: 30_000 }).toMatch(what);

it('tells that a replica is sound and equal, and later that it is not, object by object', async () => {
  const replication = await start(milliseconds(500));
  write('one');
  await told(/info replica verified: it is sound .*"compared":"equal"/);
  expect(lines.filter((line) => /^(warn|error) /.test(line) && !line.includes('lease is off'))).toEqual([]);
  await expect.poll(() => existsSync(join(own(), 'verified.json')), { timeout: 30_000 }).toBe(true);
  expect(JSON.parse(readFileSync(join(own(), 'verified.json'), 'utf8')).verified.file).toBeGreaterThan(0);
  const [first = ''] = readdirSync(join(folder, 'replica', 'ltx', '0'));
  const path = join(folder, 'replica', 'ltx', '0', first);
  const content = readFileSync(path);
  content.writeUInt8(content.readUInt8(150) ^ 4, 150);
  writeFileSync(path, content);
  await told(new RegExp(`error the replica is not sound: 1 damaged: ltx/0/${first} .*"hint"`));
  expect((await replication.drain(AbortSignal.timeout(10_000))).complete).toBe(true);
  await replication.close();
  running = undefined;
  expect(existsSync(join(own(), 'verify')) ? readdirSync(join(own(), 'verify')) : []).toEqual([]);
});

it('is out of the way at a stop, whatever it is at', async () => {
  app.exec('BEGIN');
  for (let count = 0; count < 3_000; count += 1) write('x'.repeat(2_000));
  app.exec('COMMIT');
  const replication = await start(milliseconds(10));
  await expect.poll(() => existsSync(join(own(), 'verify')), { timeout: 20_000, interval: 2 }).toBe(true);
  write('the last');
  const began = performance.now();
  expect((await replication.drain(AbortSignal.timeout(20_000))).complete).toBe(true);
  await replication.close();
  running = undefined;
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(readdirSync(join(own(), 'verify'))).toEqual([]);
  expect(lines.filter((line) => line.startsWith('error'))).toEqual([]);
});

describe('the next time', () => {
  const hour = milliseconds(3_600_000);
  const next = (last?: number, failedAt?: number) =>
    nextVerificationAt(
      hour,
      milliseconds(1_000_000),
      last === undefined ? undefined : milliseconds(last),
      failedAt === undefined ? undefined : milliseconds(failedAt),
    );

  it('is an interval after the last, by whichever process; on a new disk a tenth after the start', () => {
    expect(next()).toBe(1_360_000);
    expect(next(900_000)).toBe(4_500_000);
    expect(next(-9e9)).toBeLessThan(1_000_000);
  });

  it('comes sooner where there was no verdict, and not at once', () => {
    expect(next(undefined, 2_000_000)).toBe(2_360_000);
  });

  it('is not put off by a clock that was set back', () => {
    expect(next(9e9)).toBe(4_600_000);
  });
});
