import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pageChecksum } from '../../src/ltx/checksum.ts';
import { bytes, milliseconds, pageNumber, txid } from '../../src/quantities.ts';
import { previewRestore, restoreDatabase } from '../../src/restore/restore.ts';
import type { RestoreTarget } from '../../src/restore/restore-target.ts';
import { History } from './replica-builder.ts';
import { createSite, defaults, type Site } from './site.ts';

let history: History;
let site: Site;

beforeAll(() => {
  history = new History();
  history.grow(5).commit('DELETE FROM item WHERE id > 2; VACUUM').grow(6);
});
afterAll(() => history.close());
beforeEach(() => {
  site = createSite();
});
afterEach(() => site.remove());

describe('the newest state', () => {
  test('from level 0 alone is the original, byte for byte', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    const outcome = await site.restore([disk]);
    expect(site.database().equals(history.state(history.newest))).toBe(true);
    expect(outcome).toMatchObject({
      replica: 'disk',
      txid: history.newest,
      timestamp: history.time(history.newest),
      pageSize: 4096,
      integrity: 'ok',
      fellBack: [],
      parted: [],
      movedAside: [],
    });
    expect(site.names()).toEqual(['station.db']);
    expect(site.warnings).toEqual([]);
  });

  test('comes from a snapshot, merged files and level 0 together', async () => {
    const disk = site.replica('disk');
    await history.putMerged(disk.store, 9, 1, 4);
    await history.putMerged(disk.store, 2, 5, 8);
    await history.putMerged(disk.store, 1, 9, 10);
    await history.putLevel0(disk.store, 10);
    const outcome = await site.restore([disk]);
    expect(site.database().equals(history.state(history.newest))).toBe(true);
    expect(outcome.files).toBe(3 + history.newest - 10);
  });

  test('is accompanied by the checksum of every page', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    const { commit, txid: restored } = await site.restore([disk]);
    const file = readFileSync(site.checksumFile);
    expect(file.byteLength).toBe(32 + commit * 8);
    expect(file.toString('latin1', 0, 8)).toBe('STNPGCK1');
    expect([file.readUInt32LE(8), file.readUInt32LE(12), file.readBigUInt64LE(16)]).toEqual([
      4096,
      commit,
      BigInt(restored),
    ]);
    const database = site.database();
    for (let page = 1; page <= commit; page += 1) {
      const expected = pageChecksum(pageNumber(page), database.subarray((page - 1) * 4096, page * 4096));
      expect(file.readBigUInt64LE(32 + (page - 1) * 8)).toBe(expected);
    }
  });

  test('is not disturbed by foreign files', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    const level0 = join(site.folder, 'disk', 'ltx', '0');
    writeFileSync(join(level0, '0000000000000099-0000000000000099.ltx.tmp'), 'half');
    writeFileSync(join(level0, 'README'), 'mine');
    writeFileSync(join(level0, '00000000000000FF-00000000000000FF.ltx'), 'upper case');
    await mkdir(join(site.folder, 'disk', 'ltx', '10'));
    writeFileSync(join(site.folder, 'disk', 'ltx', '10', '0000000000000001-0000000000000099.ltx'), 'no such level');
    await site.restore([disk]);
    expect(site.database().equals(history.state(history.newest))).toBe(true);
  });

  test('is the newer of two replicas', async () => {
    const [disk, second] = [site.replica('disk'), site.replica('second')];
    await history.putLevel0(disk.store, 1, 5);
    await history.putLevel0(second.store);
    const outcome = await site.restore([disk, second]);
    expect(outcome.replica).toBe('second');
    expect(outcome.answers).toMatchObject([
      { kind: 'holds', replica: 'disk', position: { txid: 5 } },
      { kind: 'holds', replica: 'second', position: { txid: history.newest } },
    ]);
    expect(outcome.parted).toEqual([]);
  });

  test('of histories that parted, though time and TXID agree, is told apart by the files of the shared TXID', async () => {
    const [left, right] = [site.replica('left'), site.replica('right')];
    const other = new History({ startedAt: 1_700_000_000_500 });
    try {
      other.grow(9);
      await history.putLevel0(left.store);
      await other.putLevel0(right.store);
      const outcome = await site.restore([left, right]);
      expect(outcome.replica).toBe('left');
      expect(outcome.parted).toMatchObject([{ newer: { replica: 'left' }, older: { replica: 'right', txid: 10 } }]);
      const names = { first: site.replica('first'), second: site.replica('second') };
      await history.putLevel0(names.first.store);
      await history.putLevel0(names.second.store, 1, 10);
      const output = join(site.folder, 'same.db');
      expect((await site.restore([names.first, names.second], { output })).parted).toEqual([]);
    } finally {
      other.close();
    }
  });

  test('is announced before it is published, and not published if that fails', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    const refusal = new Error('no room for the position');
    const refuse = async () => {
      expect(readFileSync(site.checksumFile).byteLength).toBeGreaterThan(32);
      expect(site.names()).not.toContain('station.db');
      throw refusal;
    };
    await expect(site.restore([disk], { beforePublish: refuse })).rejects.toBe(refusal);
    expect(site.names()).toEqual([]);
    let told: unknown;
    await site.restore([disk], {
      beforePublish: async (proven) => {
        told = proven;
      },
    });
    expect(told).toMatchObject({ replica: 'disk', position: { txid: history.newest } });
  });

  test('of histories that parted is the later, and both are named; a name decides otherwise', async () => {
    const [long, late] = [site.replica('long'), site.replica('late')];
    const other = new History({ startedAt: 1_800_000_000_000 });
    try {
      other.grow(2);
      await history.putLevel0(long.store);
      await other.putLevel0(late.store);
      const outcome = await site.restore([long, late]);
      expect(outcome.replica).toBe('late');
      expect(outcome.parted).toMatchObject([{ newer: { replica: 'late' }, older: { replica: 'long' } }]);
      expect(site.warnings).toHaveLength(1);
      expect(site.warnings[0]).toContain('histories have parted: late (TXID 0000000000000003, ');

      const named = await site.restore([long, late], {
        policy: { quorum: 'any', from: 'long' },
        output: join(site.folder, 'long.db'),
      });
      expect(named.replica).toBe('long');
      expect(readFileSync(join(site.folder, 'long.db')).equals(history.state(history.newest))).toBe(true);
    } finally {
      other.close();
    }
  });
});

describe('an earlier state', () => {
  const restoreTo = async (target: RestoreTarget) => {
    const disk = site.replica('disk');
    await history.putMerged(disk.store, 9, 1, 3);
    await history.putLevel0(disk.store);
    return site.restore([disk], { target });
  };

  test('by TXID', async () => {
    expect((await restoreTo({ kind: 'txid', txid: txid(6) })).txid).toBe(6);
    expect(site.database().equals(history.state(6))).toBe(true);
  });

  test('by timestamp, which includes the state of that very time', async () => {
    expect((await restoreTo({ kind: 'timestamp', timestamp: history.time(7) })).txid).toBe(7);
    expect(site.database().equals(history.state(7))).toBe(true);
  });

  test('by timestamp, the last state before it', async () => {
    const timestamp = milliseconds(history.time(8) - 1);
    expect((await restoreTo({ kind: 'timestamp', timestamp })).txid).toBe(7);
  });

  test('by timestamp decided by the headers, not by the listing’s times', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    const now = {
      ...disk,
      store: { ...disk.store, list: (prefix: string) => withTimesOfToday(disk.store.list(prefix)) },
    };
    const outcome = await site.restore([now], { target: { kind: 'timestamp', timestamp: history.time(4) } });
    expect(outcome.txid).toBe(4);
  });

  test('that no replica holds is refused, with the nearest ones', async () => {
    const refused = { code: 'RESTORE_NOT_AVAILABLE', exitStatus: 69 };
    await expect(restoreTo({ kind: 'txid', txid: txid(999) })).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining(
        `the nearest: TXID ${history.newest.toString(16).padStart(16, '0')}; it holds 2023-`,
      ),
    });
    const before = milliseconds(history.time(1) - 1);
    await expect(restoreTo({ kind: 'timestamp', timestamp: before })).rejects.toMatchObject(refused);
    expect(site.names()).toEqual([]);
  });
});

async function* withTimesOfToday<T extends object>(objects: AsyncIterable<T>) {
  for await (const object of objects) yield { ...object, lastModified: milliseconds(Date.now()) };
}

describe('a replica with nothing', () => {
  test('leads to an empty start only where all are so', async () => {
    expect(await restoreDatabase(defaults(site, [site.replica('a'), site.replica('b')]))).toEqual({
      kind: 'empty',
      answers: [
        { kind: 'empty', replica: 'a' },
        { kind: 'empty', replica: 'b' },
      ],
    });
    expect(site.names()).toEqual([]);
  });

  test.each([
    ['Litestream 0.3', join('generations', '0123456789abcdef', 'snapshots', '00000000.snapshot.lz4')],
    ['the names of another kind of store', join('0000', '0000000000000001-0000000000000001.ltx')],
  ])('readable, but a backup under %s, is not empty', async (_, path) => {
    await mkdir(join(site.folder, 'old', path, '..'), { recursive: true });
    writeFileSync(join(site.folder, 'old', path), 'content');
    await expect(restoreDatabase(defaults(site, [site.replica('old')]))).rejects.toMatchObject({
      code: 'RESTORE_NO_SOUND_COPY',
    });
  });
});

test('a restored database works, in WAL mode as the original was', async () => {
  const disk = site.replica('disk');
  await history.putLevel0(disk.store);
  await site.restore([disk]);
  const database = new Database(site.output);
  try {
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(database.prepare('SELECT count(*) FROM item').pluck().get()).toBe(8);
    database.exec('INSERT INTO item (body) VALUES (1)');
  } finally {
    database.close();
  }
});

test('a database too large to check before the start is published, and its check deferred', async () => {
  const disk = site.replica('disk');
  await history.putLevel0(disk.store);
  const outcome = await site.restore([disk], { integrity: { mode: 'quick', maxBytes: bytes(4096) } });
  expect(outcome.integrity).toBe('deferred');
});

test.each([512, 1024, 8192, 65536])('pages of %i bytes', async (pageSize) => {
  const disk = site.replica('disk');
  const other = new History({ pageSize });
  try {
    other.grow(3, 70_000).commit('DELETE FROM item WHERE id > 1; VACUUM').grow(2, 70_000);
    await other.putMerged(disk.store, 9, 1, 2);
    await other.putLevel0(disk.store, 3);
    const outcome = await site.restore([disk]);
    expect(outcome.pageSize).toBe(pageSize);
    expect(site.database().equals(other.state(other.newest))).toBe(true);
  } finally {
    other.close();
  }
});

test('a preview chooses, gives its reasons, and writes nothing', async () => {
  const [disk, second] = [site.replica('disk'), site.replica('second')];
  await history.putLevel0(disk.store, 1, 4);
  const { choice, reports } = await previewRestore(defaults(site, [disk, second]));
  expect(choice).toMatchObject({ kind: 'restore', replica: 'disk' });
  expect(choice.reasons).toHaveLength(3);
  expect(reports.map((report) => report.plan?.files.length)).toEqual([4, undefined]);
  expect(site.names()).toEqual([]);
});
