import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bytes } from '../../src/quantities.ts';
import { checkIntegrity, judgeIntegrity } from '../../src/restore/integrity-check.ts';
import { proveFile } from '../../src/restore/prove.ts';
import type { IntegrityPolicy } from '../../src/restore/restore-options.ts';

const quick: IntegrityPolicy = { mode: 'quick', maxBytes: bytes(1 << 30) };
const never = new AbortController().signal;

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prove-'));
  path = join(folder, 'restoring.db');
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE t (a PRIMARY KEY, b NOT NULL) WITHOUT ROWID; CREATE TABLE u (c CHECK (c > 0))');
  database.exec(
    'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT i, i FROM n',
  );
  database.close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const position = () => ({ pageSize: 4096, commit: readFileSync(path).byteLength / 4096 });

function change(at: number, content: Uint8Array): void {
  const file = readFileSync(path);
  file.set(content, at);
  writeFileSync(path, file);
}

describe('proveFile', () => {
  test.each(['quick', 'full'] as const)(
    'finds a sound database sound (%s), and leaves nothing beside it',
    async (mode) => {
      const before = readFileSync(path);
      expect(before.readUInt8(18)).toBe(2);
      expect(await proveFile(path, position(), { ...quick, mode }, never)).toEqual({ kind: 'ok', remarks: [] });
      expect(readdirSync(folder)).toEqual(['restoring.db']);
      expect(readFileSync(path).equals(before)).toBe(true);
    },
  );

  test('finds a page of garbage', async () => {
    change(4096 * 2, Buffer.alloc(4096, 0xee));
    expect(await proveFile(path, position(), quick, never)).toMatchObject({
      kind: 'unsound',
      error: { code: 'DATABASE_INVALID' },
    });
    expect(readdirSync(folder)).toEqual(['restoring.db']);
  });

  test('finds a header that is not SQLite’s, or speaks of another size', async () => {
    const sound = position();
    expect((await proveFile(path, { ...sound, pageSize: 512 }, quick, never)).kind).toBe('unsound');
    expect((await proveFile(path, { ...sound, commit: sound.commit - 1 }, quick, never)).kind).toBe('unsound');
    change(28, Buffer.from([0, 0, 1, 0]));
    expect((await proveFile(path, sound, quick, never)).kind).toBe('unsound');
    change(0, Buffer.from('X'));
    expect((await proveFile(path, sound, quick, never)).kind).toBe('unsound');
  });

  test('leaves a database above the limit for later, its header proven all the same', async () => {
    const small = { mode: 'quick', maxBytes: bytes(4096) } as const;
    expect(await proveFile(path, position(), small, never)).toEqual({ kind: 'deferred' });
    change(0, Buffer.from('X'));
    expect((await proveFile(path, position(), small, never)).kind).toBe('unsound');
  });

  test('does nothing if told so', async () => {
    change(0, Buffer.alloc(4096, 0xee));
    expect((await proveFile(path, position(), { ...quick, mode: 'none' }, never)).kind).toBe('skipped');
  });

  test('takes rows that break their own schema for what they are: a true copy', async () => {
    const database = new Database(path);
    database.pragma('ignore_check_constraints = 1');
    database.exec('INSERT INTO u VALUES (-1)');
    database.close();
    expect((await proveFile(path, position(), quick, never)).kind).toBe('ok');
    const lines = ['CHECK constraint failed in u', 'NULL value in t.b', 'non-INT value in s.a'];
    expect(judgeIntegrity({ kind: 'lines', lines })).toEqual({ kind: 'sound', remarks: lines });
    expect(judgeIntegrity({ kind: 'lines', lines: [...lines, 'row 1 missing from index i'] }).kind).toBe('unsound');
  });

  test('publishes what SQLite cannot judge: a virtual table of a module it does not know', async () => {
    const database = new Database(path);
    database.unsafeMode(true);
    database.pragma('writable_schema = 1');
    database.exec("INSERT INTO sqlite_master VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING unknown(a)')");
    database.close();
    const proof = await proveFile(path, position(), quick, never);
    expect(['ok', 'skipped']).toContain(proof.kind);
  });
});

describe('checkIntegrity', () => {
  test('works on a live database, and leaves its WAL alone', async () => {
    const live = new Database(path);
    live.exec("INSERT INTO t VALUES (1000, 'in the WAL')");
    expect(await checkIntegrity(path, 'quick', never)).toEqual({ kind: 'sound', remarks: [] });
    expect(readdirSync(folder).sort()).toEqual(['restoring.db', 'restoring.db-shm', 'restoring.db-wal']);
    live.close();
  });

  test.each([
    ['small', 10],
    ['large enough for a thread', 2_000_000],
  ])('ends with the signal’s reason where the file is %s', async (_, size) => {
    const database = new Database(path);
    database.exec(`CREATE TABLE filling AS SELECT randomblob(${size})`);
    database.close();
    const stop = new AbortController();
    const checking = checkIntegrity(path, 'quick', stop.signal);
    const reason = new Error('stopping');
    stop.abort(reason);
    await expect(checking).rejects.toBe(reason);
  });
});

test('what SQLite throws is damage only where it says so', () => {
  const thrown = (code: string) => judgeIntegrity({ kind: 'error', code, message: 'x' }).kind;
  expect(thrown('SQLITE_CORRUPT')).toBe('unsound');
  expect(thrown('SQLITE_NOTADB')).toBe('unsound');
  expect(thrown('SQLITE_ERROR')).toBe('inconclusive');
  expect(thrown('SQLITE_BUSY')).toBe('inconclusive');
});
