import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { milliseconds } from '../../src/quantities.ts';
import { History } from './replica-builder.ts';
import { createSite, fileName, type Site } from './site.ts';

let history: History;
let site: Site;

beforeAll(() => {
  history = new History();
  history.grow(3);
});
afterAll(() => history.close());
beforeEach(() => {
  site = createSite();
});
afterEach(() => site.remove());

describe('where the database belongs', () => {
  test('leftovers of an earlier one are moved aside, and never mixed in', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    for (const suffix of ['-wal', '-shm', '-journal']) writeFileSync(site.output + suffix, `left ${suffix}`);
    const outcome = await site.restore([disk], { now: () => milliseconds(Date.UTC(2026, 10, 25, 8, 28, 16)) });
    expect(outcome.movedAside.map(fileName)).toEqual([
      'station.db-wal.before-restore-20261125T082816Z',
      'station.db-shm.before-restore-20261125T082816Z',
      'station.db-journal.before-restore-20261125T082816Z',
    ]);
    expect(readFileSync(outcome.movedAside[0] ?? '', 'utf8')).toBe('left -wal');
    expect(site.names()).toHaveLength(4);
    expect(site.database().equals(history.state(history.newest))).toBe(true);
  });

  test('a file without a byte is replaced, and tells who owns the database', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    writeFileSync(site.output, '');
    chmodSync(site.output, 0o640);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(site.output, 1234, 1234);
    await site.restore([disk]);
    expect(site.database().equals(history.state(history.newest))).toBe(true);
    const { mode, uid } = statSync(site.output);
    expect(mode & 0o777).toBe(0o640);
    expect(uid).toBe(isRoot ? 1234 : process.getuid?.());
  });

  test('a database is never overwritten; forced, it is moved aside', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    writeFileSync(site.output, 'a database of mine');
    await expect(site.restore([disk])).rejects.toMatchObject({ code: 'RESTORE_OUTPUT_EXISTS' });
    expect(site.names()).toEqual(['station.db']);
    expect(readFileSync(site.output, 'utf8')).toBe('a database of mine');
    const { movedAside } = await site.restore([disk], { overwrite: true });
    expect(readFileSync(movedAside[0] ?? '', 'utf8')).toBe('a database of mine');
  });

  test('a folder that is a file is one clear error', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    writeFileSync(join(site.folder, 'blocked'), '');
    const output = join(site.folder, 'blocked', 'station.db');
    await expect(site.restore([disk], { output })).rejects.toMatchObject({
      code: 'DATA_FOLDER',
      message: expect.stringMatching(/ENOTDIR|EEXIST/),
    });
  });
});
