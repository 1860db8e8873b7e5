/** What `doctor` says of a database's own place, without touching it. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { databaseSteps } from '../../src/doctor/check-database.ts';
import { runSteps } from '../../src/doctor/run-steps.ts';
import { bytes, milliseconds } from '../../src/quantities.ts';
import { monotonicClock } from '../../src/supervisor/clock.ts';

function site() {
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, path: join(folder, 'station.db') };
}

async function examined(path: string) {
  const place = { path, stagingFolder: `${path}-staging`, stagingMaxBytes: bytes(1024 ** 3) };
  const reports = await runSteps(databaseSteps, place, { patience: milliseconds(10_000), monotonicClock });
  return Object.fromEntries(reports.map(({ step, outcome }) => [step, `${outcome.kind}: ${outcome.detail}`]));
}

function makeDatabase(path: string, journal: string): void {
  const database = new Database(path);
  database.pragma(`journal_mode = ${journal}`);
  database.exec('CREATE TABLE t (a)');
  database.close();
}

it.each([
  ['wal', 'ok: WAL mode'],
  ['delete', 'ok: a rollback journal: turned to WAL mode when it is replicated'],
])('a database in %s mode', async (journal, expected) => {
  const { folder, path } = site();
  makeDatabase(path, journal);
  expect(await examined(path)).toEqual({
    database: 'ok: 8.0 KiB, pages of 4096 bytes',
    journal: expected,
    folder: `ok: ${folder} is writable`,
    staging: `ok: ${path}-staging can be made`,
    disk: expect.stringMatching(/^ok: .* free; staging takes 1\.0 GiB at most$/),
  });
  expect(readdirSync(folder)).toEqual(['station.db']);
});

it('one that is not there yet, in a folder that is not there yet', async () => {
  const { folder } = site();
  expect(await examined(join(folder, 'data', 'station.db'))).toMatchObject({
    database: expect.stringMatching(/^ok: absent/),
    journal: 'skipped: no database yet',
    folder: `ok: ${folder}/data can be made`,
  });
});

it('a file that is no database', async () => {
  const { path } = site();
  writeFileSync(path, 'something else');
  expect(await examined(path)).toMatchObject({
    database: expect.stringMatching(/^failed: .* is not a SQLite database$/),
    journal: 'skipped: database failed',
    folder: expect.stringMatching(/^ok/),
  });
});

it('a folder that cannot be', async () => {
  const { folder } = site();
  const file = join(folder, 'a-file');
  writeFileSync(file, '');
  expect((await examined(join(file, 'station.db')))['folder']).toBe(
    `failed: ${file} is no folder that uid ${process.getuid?.()} may write to`,
  );
});
