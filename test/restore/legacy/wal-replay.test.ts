/** Our replay of a WAL against SQLite's own recovery of the same bytes, followed by a checkpoint of all of it. */
import { closeSync, copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WalReplay } from '../../../src/restore/legacy/wal-replay.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'wal-replay-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A database file and the WAL beside it, as a crash would leave the two. */
interface Crashed {
  readonly pageSize: number;
  readonly database: Buffer;
  readonly wal: Buffer;
}

const statement = fc.oneof(
  { weight: 5, arbitrary: fc.nat(9_000).map((size) => `INSERT INTO t (body) VALUES (randomblob(${size}))`) },
  { weight: 2, arbitrary: fc.nat(40).map((id) => `UPDATE t SET body = randomblob(700) WHERE id % 7 = ${id} % 7`) },
  { weight: 1, arbitrary: fc.constant('DELETE FROM t WHERE id % 3 = 0') },
  { weight: 1, arbitrary: fc.constant('PRAGMA incremental_vacuum') },
  { weight: 1, arbitrary: fc.constant('VACUUM') },
  { weight: 1, arbitrary: fc.constant('BEGIN; INSERT INTO t (body) VALUES (zeroblob(30000)); ROLLBACK') },
);

function crashAfter(pageSize: number, checkpointed: readonly string[], inWal: readonly string[]): Crashed {
  const path = join(folder, 'source.db');
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
  const database = new Database(path);
  try {
    database.pragma('synchronous = OFF');
    database.pragma(`page_size = ${pageSize}`);
    database.pragma('auto_vacuum = INCREMENTAL');
    database.pragma('journal_mode = WAL');
    database.pragma('wal_autocheckpoint = 0');
    // So small that a transaction spills frames into the WAL which a later part of it, or a rollback, outdates.
    database.pragma('cache_size = 10');
    database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)');
    for (const sql of checkpointed) database.exec(sql);
    database.pragma('wal_checkpoint(TRUNCATE)');
    for (const sql of inWal) database.exec(sql);
    return { pageSize, database: readFileSync(path), wal: readFileSync(`${path}-wal`) };
  } finally {
    database.close();
  }
}

function recoverBySqlite({ database, wal }: Crashed): Buffer {
  const path = join(folder, 'sqlite.db');
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
  writeFileSync(path, database);
  writeFileSync(`${path}-wal`, wal);
  const recovered = new Database(path);
  recovered.pragma('synchronous = OFF');
  recovered.prepare('SELECT count(*) FROM sqlite_schema').get();
  recovered.pragma('wal_checkpoint(TRUNCATE)');
  recovered.close();
  return readFileSync(path);
}

function replay({ database, wal, pageSize }: Crashed, chunk: number) {
  const path = join(folder, 'ours.db');
  writeFileSync(path, database);
  const file = openSync(path, 'r+');
  try {
    const work = new WalReplay(file, pageSize, folder);
    for (let start = 0; start < wal.length; start += chunk) work.push(wal.subarray(start, start + chunk));
    work.finish();
    return { content: readFileSync(path), validBytes: work.validBytes, commit: work.commit };
  } finally {
    closeSync(file);
  }
}

const chunkSize = fc.integer({ min: 1_000, max: 90_000 });
const pageSizes = fc.constantFrom(512, 1024, 4096);

describe('a replayed WAL gives what SQLite’s recovery gives', () => {
  test('whatever was written', () => {
    fc.assert(
      fc.property(
        pageSizes,
        fc.array(statement, { maxLength: 6 }),
        fc.array(statement, { maxLength: 12 }),
        chunkSize,
        (pageSize, before, after, chunk) => {
          const crashed = crashAfter(pageSize, before, after);
          const { content, validBytes } = replay(crashed, chunk);
          expect(content.equals(recoverBySqlite(crashed))).toBe(true);
          expect(validBytes).toBeLessThanOrEqual(crashed.wal.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('cut short anywhere, with a bit turned anywhere, or with garbage behind it', () => {
    const crashed = crashAfter(
      1024,
      ['INSERT INTO t (body) VALUES (randomblob(20000)), (randomblob(20000))'],
      [
        'INSERT INTO t (body) VALUES (randomblob(3000))',
        'DELETE FROM t WHERE id = 1',
        'PRAGMA incremental_vacuum',
        'INSERT INTO t (body) VALUES (randomblob(9000))',
        'UPDATE t SET body = zeroblob(100)',
      ],
    );
    const { wal } = crashed;
    expect(recoverBySqlite(crashed).equals(crashed.database)).toBe(false);
    const anywhere = fc.nat(wal.length - 1);
    const damage = fc.oneof(
      anywhere.map((end) => wal.subarray(0, end)),
      fc.tuple(anywhere, fc.nat(7)).map(([at, bit]) => {
        const changed = Buffer.from(wal);
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
        return changed;
      }),
      fc.uint8Array({ minLength: 1, maxLength: 3_000 }).map((garbage) => Buffer.concat([wal, garbage])),
      // What a WAL holds that started over: the frames of the last round behind those of this one.
      anywhere.map((at) => Buffer.concat([wal, wal.subarray(at)])),
    );
    fc.assert(
      fc.property(damage, chunkSize, (changed, chunk) => {
        const damaged = { ...crashed, wal: changed };
        expect(replay(damaged, chunk).content.equals(recoverBySqlite(damaged))).toBe(true);
      }),
      { numRuns: 120 },
    );
  });

  test('of a transaction far larger than memory is given for', () => {
    const many = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)';
    const large = `${many} INSERT INTO t (body) SELECT randomblob(3000) FROM n`;
    const crashed = crashAfter(4096, [], [large, 'UPDATE t SET body = zeroblob(10) WHERE id % 5 = 0', 'DELETE FROM t']);
    expect(crashed.wal.length).toBeGreaterThan(20 * 1024 * 1024);
    expect(replay(crashed, 1 << 20).content.equals(recoverBySqlite(crashed))).toBe(true);
  });

  test('of a transaction as large, without its end', () => {
    const many = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)';
    const crashed = crashAfter(4096, [], [`${many} INSERT INTO t (body) SELECT randomblob(3000) FROM n`]);
    const cut = { ...crashed, wal: crashed.wal.subarray(0, -4120) };
    const { content, commit } = replay(cut, 1 << 20);
    expect(commit).toBeUndefined();
    expect(content.equals(crashed.database)).toBe(true);
    expect(recoverBySqlite(cut).equals(crashed.database)).toBe(true);
  });
});

test('several WALs, one after the other, as SQLite checkpoints them', () => {
  const path = join(folder, 'rounds.db');
  const ours = join(folder, 'rounds-ours.db');
  const database = new Database(path);
  database.pragma('auto_vacuum = INCREMENTAL');
  database.pragma('journal_mode = WAL');
  database.pragma('wal_autocheckpoint = 0');
  database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)');
  database.pragma('wal_checkpoint(TRUNCATE)');
  copyFileSync(path, ours);
  const file = openSync(ours, 'r+');
  try {
    for (const sql of [
      'INSERT INTO t (body) VALUES (randomblob(60000)), (randomblob(60000))',
      'DELETE FROM t; PRAGMA incremental_vacuum',
      'INSERT INTO t (body) VALUES (zeroblob(90000))',
      'VACUUM',
    ]) {
      database.exec(sql);
      const work = new WalReplay(file, 4096, folder);
      work.push(readFileSync(`${path}-wal`));
      work.finish();
      database.pragma('wal_checkpoint(TRUNCATE)');
      expect(readFileSync(ours).equals(readFileSync(path)), sql).toBe(true);
      expect(work.commit).toBe(statSync(path).size / 4096);
    }
  } finally {
    closeSync(file);
    database.close();
  }
});
