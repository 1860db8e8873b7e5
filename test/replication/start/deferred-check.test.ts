import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseConfig } from '../../../src/config/config.ts';
import { deferredCheck } from '../../../src/replication/start/deferred-check.ts';
import { settings } from '../support/settings.ts';
import { toldLog } from '../support/told-log.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deferred-check-'));
  path = join(folder, 'station.db');
  const database = new Database(path);
  database.exec('CREATE TABLE note (text); CREATE INDEX by_text ON note (text)');
  const insert = database.prepare('INSERT INTO note VALUES (?)');
  database.transaction(() => {
    for (let number = 0; number < 500; number += 1) insert.run(`note ${number}`);
  })();
  database.close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function check(signal = new AbortController().signal): Promise<readonly string[]> {
  const { log, lines } = toldLog();
  const database = { path } as DatabaseConfig;
  await deferredCheck({ database, settings: { ...settings, integrity: 'full' }, log }, signal);
  return lines.map(({ level, message }) => `${level}: ${message}`);
}

describe('the check of a restored database beside its command', () => {
  it('tells that it is sound', async () => {
    expect(await check()).toEqual(['info: the restored database is sound']);
  });

  it('tells, as an error, that it is damaged', async () => {
    const bytes = readFileSync(path);
    bytes.fill(0xff, bytes.length - 4096);
    writeFileSync(path, bytes);
    const [told, ...others] = await check();
    expect(told).toMatch(/^error: the restored database is damaged: ./);
    expect(others).toEqual([]);
  });

  it('tells that it could not be made', async () => {
    rmSync(path);
    expect(await check()).toEqual(['warn: the restored database could not be checked']);
  });

  it('ends in silence with the program', async () => {
    expect(await check(AbortSignal.abort())).toEqual([]);
  });
});
