import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { inspectLocalDatabase } from '../../src/restore/local-database.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'local-'));
  path = join(folder, 'station.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('inspectLocalDatabase', () => {
  test('finds nothing, nor in a folder that is not there', async () => {
    expect(await inspectLocalDatabase(path)).toEqual({ kind: 'absent' });
    expect(await inspectLocalDatabase(join(folder, 'missing', 'station.db'))).toEqual({ kind: 'absent' });
  });

  test('takes a file without a byte for none', async () => {
    writeFileSync(path, '');
    expect(await inspectLocalDatabase(path)).toEqual({ kind: 'zero-byte' });
  });

  test.each([512, 4096, 65536])('knows a database with pages of %i bytes', async (pageSize) => {
    const database = new Database(path);
    database.pragma(`page_size = ${pageSize}`);
    database.exec('CREATE TABLE t (a)');
    database.close();
    expect(await inspectLocalDatabase(path)).toEqual({ kind: 'database', size: 2 * pageSize, pageSize });
  });

  test.each([
    ['another file', Buffer.from('not a database, but long enough to hold a header'.repeat(4))],
    ['a database cut short within its first page', sqliteStart(4095)],
    ['a header cut short', sqliteStart(60)],
  ])('refuses %s, which a person must judge', async (_, content) => {
    writeFileSync(path, content);
    await expect(inspectLocalDatabase(path)).rejects.toMatchObject({ code: 'DATABASE_INVALID' });
  });

  test('refuses a folder', async () => {
    await expect(inspectLocalDatabase(folder)).rejects.toMatchObject({ code: expect.stringMatching(/DATA/) });
  });
});

/** The first bytes of a database with pages of 4096 bytes. */
function sqliteStart(size: number): Buffer {
  const start = Buffer.alloc(size);
  start.write('SQLite format 3\0', 'latin1');
  start.writeUInt16BE(4096, 16);
  return start;
}
