import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formatTxid } from '../../src/ltx/file-name.ts';
import { bytes, txid } from '../../src/quantities.ts';
import { restoreDatabase } from '../../src/restore/restore.ts';
import { breakHeader, flipBit, History, putLtx } from './replica-builder.ts';
import { createSite, defaults, type Site, withFaults } from './site.ts';

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

describe('damage', () => {
  test('in the newest snapshot: an older way is found, and nothing is lost', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    const key = await putLtx(disk.store, 9, { ...history.content(1, history.newest) }, flipBit);
    await putLtx(disk.store, 0, history.content(1, 1));
    const { fellBack, txid: restored } = await site.restore([disk]);
    expect(restored).toBe(history.newest);
    expect(site.database().equals(history.state(history.newest))).toBe(true);
    expect(fellBack.join('\n')).toContain(key);
  });

  test.each([
    ['a bit in its body', flipBit],
    ['its header', breakHeader],
    ['its end, which is missing', (file: Buffer) => file.subarray(0, file.byteLength - 20)],
    ['all of it: nothing is left', () => Buffer.alloc(0)],
    ['bytes that follow its end', (file: Buffer) => Buffer.concat([file, Buffer.alloc(10, 1)])],
  ])('in the last file (%s): restored to before it, and the loss is told', async (_, change) => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store, 1, history.newest - 1);
    await putLtx(disk.store, 0, history.content(history.newest, history.newest), change);
    const outcome = await site.restore([disk]);
    expect(outcome.txid).toBe(history.newest - 1);
    expect(site.database().equals(history.state(history.newest - 1))).toBe(true);
    expect(outcome.fellBack.join('\n')).toContain(`TXIDs ${formatTxid(txid(history.newest))}`);
    expect(site.warnings).toEqual(expect.arrayContaining([...outcome.fellBack]));
    expect(site.names()).toEqual(['station.db']);
  });

  test('in the middle of the chain: the other replica is taken, and nothing is lost', async () => {
    const [disk, second] = [site.replica('disk'), site.replica('second')];
    await history.putLevel0(disk.store);
    await putLtx(disk.store, 0, history.content(5, 5), flipBit);
    await history.putLevel0(second.store);
    const outcome = await site.restore([disk, second]);
    expect(outcome.replica).toBe('second');
    expect(outcome.txid).toBe(history.newest);
    expect(site.database().equals(history.state(history.newest))).toBe(true);
  });

  test('of the newest replica: the next newest is taken where it reaches further than what is sound of the first', async () => {
    const [disk, second] = [site.replica('disk'), site.replica('second')];
    await history.putLevel0(disk.store);
    await putLtx(disk.store, 0, history.content(5, 5), flipBit);
    await history.putLevel0(second.store, 1, 8);
    const outcome = await site.restore([disk, second]);
    expect([outcome.replica, outcome.txid]).toEqual(['second', 8]);
    expect(outcome.fellBack.at(-1)).toContain(`instead of TXID ${formatTxid(txid(history.newest))}`);
    expect(outcome.fellBack.at(-1)).toContain('s of commits are lost');
  });

  test('and a missing file: restored up to the gap, which is told', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store, 1, 5);
    await history.putLevel0(disk.store, 7);
    const outcome = await site.restore([disk]);
    expect(outcome.txid).toBe(5);
    expect(outcome.fellBack).toEqual([
      `disk lists TXIDs 0000000000000006 to ${formatTxid(txid(history.newest))}, which cannot be reached: a file between is missing or damaged`,
    ]);
  });

  test('and files of another page size, with no snapshot since: restored up to them', async () => {
    const disk = site.replica('disk');
    const other = new History({ pageSize: 8192 });
    try {
      await history.putLevel0(disk.store, 1, 6);
      for (const number of [7, 8]) {
        const content = { ...other.content(1, 1), minTxid: number, maxTxid: number, timestamp: history.time(number) };
        await putLtx(disk.store, 0, content);
      }
      const outcome = await site.restore([disk]);
      expect(outcome.txid).toBe(6);
      expect(outcome.fellBack.join('\n')).toContain('has pages of 8192 bytes, the snapshot before it 4096');
      expect(site.database().equals(history.state(6))).toBe(true);
    } finally {
      other.close();
    }
  });

  test('of a thousand headers: few rounds of reads, a few warnings and a count', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store, 1, 5);
    const garbage = Buffer.alloc(4_096, 'garbage');
    for (let number = 6; number <= 1_005; number += 1) {
      const name = number.toString(16).padStart(16, '0');
      const path = join(site.folder, 'disk', 'ltx', '0', `${name}-${name}.ltx`);
      writeFileSync(path, garbage);
    }
    let reads = 0;
    let together = 0;
    let most = 0;
    const counted = withFaults(disk, ({ get }) => ({
      async *get(...rest) {
        reads += 1;
        together += 1;
        most = Math.max(most, together);
        try {
          yield* get(...rest);
        } finally {
          together -= 1;
        }
      },
    }));
    const outcome = await site.restore([counted]);
    expect(outcome.txid).toBe(5);
    expect(reads).toBeLessThan(1_200);
    expect(most).toBe(32);
    const told = site.warnings.filter((line) => line.startsWith('disk: left out: '));
    expect(told).toHaveLength(6);
    expect(told.at(-1)).toBe('disk: left out: 995 more files, damaged like these');

    reads = 0;
    const timestamp = history.time(5);
    expect((await site.restore([counted], { target: { kind: 'timestamp', timestamp }, overwrite: true })).txid).toBe(5);
    expect(reads).toBeLessThan(1_200);
  });

  test('of a file that holds other TXIDs than its name says', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store, 1, 6);
    const wrong = { ...history.content(5, 5), minTxid: 7, maxTxid: 7 };
    const key = await putLtx(disk.store, 0, history.content(7, 7));
    await unlink(join(site.folder, 'disk', key));
    const misnamed = await putLtx(disk.store, 0, wrong);
    const content = readFileSync(join(site.folder, 'disk', misnamed));
    content.writeBigUInt64BE(5n, 16);
    content.writeBigUInt64BE(5n, 24);
    writeFileSync(join(site.folder, 'disk', misnamed), content);
    expect((await site.restore([disk])).txid).toBe(6);
  });

  test('everywhere: an error that names every replica, and nothing is left behind', async () => {
    const [disk, second] = [site.replica('disk'), site.replica('second')];
    await putLtx(disk.store, 9, history.content(1, 4), flipBit);
    await history.putLevel0(second.store, 3);
    await expect(restoreDatabase(defaults(site, [disk, second]))).rejects.toMatchObject({
      code: 'RESTORE_NO_SOUND_COPY',
      exitStatus: 69,
      message: expect.stringMatching(/disk: .*second: /),
    });
    expect(site.names()).toEqual([]);
    expect(existsSync(site.checksumFile)).toBe(false);
  });

  test('of the database itself is found by SQLite, and not published', async () => {
    const disk = site.replica('disk');
    const content = history.content(1, history.newest);
    const pages = new Map(
      [...content.pages].map(([number, data]) => [number, number === 2 ? Buffer.alloc(4096, 7) : data]),
    );
    await putLtx(disk.store, 9, { ...content, pages });
    await expect(restoreDatabase(defaults(site, [disk]))).rejects.toMatchObject({
      code: 'RESTORE_NO_SOUND_COPY',
      message: expect.stringContaining('is not sound'),
    });
    expect(site.names()).toEqual([]);
    const unchecked = await site.restore([disk], { integrity: { mode: 'none', maxBytes: bytes(0) } });
    expect(unchecked.integrity).toBe('skipped');
  });
});
