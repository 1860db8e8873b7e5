/** Restoring from replicas that the client encrypts: what is damage, what is a refusal, and what is the same as ever. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateIdentity } from 'age-encryption';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formatTxid } from '../../src/ltx/file-name.ts';
import { txid } from '../../src/quantities.ts';
import { restoreDatabase } from '../../src/restore/restore.ts';
import type { NamedReplica } from '../../src/restore/restore-target.ts';
import { encryptStore } from '../../src/storage/age/encrypted-store.ts';
import { PROLOGUE_SIZE } from '../../src/storage/age/format.ts';
import { ltxKey } from '../../src/storage/key-layout.ts';
import { History } from './replica-builder.ts';
import { createSite, defaults, type Site } from './site.ts';

const identity = await generateIdentity();
let history: History;
let site: Site;

beforeAll(() => {
  history = new History();
  history.grow(6, 120_000);
});
afterAll(() => history.close());
beforeEach(() => {
  site = createSite();
});
afterEach(() => site.remove());

const withKey = async ({ name, store }: NamedReplica, key = identity): Promise<NamedReplica> => ({
  name,
  store: await encryptStore(store, { recipients: [], identities: [key], where: 'litestream.yml:1:1' }),
});

/** Changes what is stored of one TXID, under its encryption. */
function changeStored(name: string, number: number, change: (stored: Buffer) => Buffer): void {
  const path = join(site.folder, name, ltxKey('folder', 0, txid(number), txid(number)));
  writeFileSync(path, change(readFileSync(path)));
}

const flipped = (at: number) => (stored: Buffer) => {
  stored[at] = (stored[at] ?? 0) ^ 1;
  return stored;
};

describe('an encrypted replica', () => {
  test('is restored to any point, as one in the clear', async () => {
    const disk = await withKey(site.replica('disk'));
    await history.putLevel0(disk.store);
    await history.putMerged(disk.store, 9, 1, 4);
    await site.restore([disk], { target: { kind: 'txid', txid: txid(5) } });
    expect(site.database().equals(history.state(5))).toBe(true);
  });

  test.each([
    ['a bit near its end', (stored: Buffer) => flipped(stored.length - 30)(stored)],
    ['a bit after its header', flipped(PROLOGUE_SIZE + 3)],
    ['a bit in its header', flipped(PROLOGUE_SIZE / 2)],
    ['its end, which is missing', (stored: Buffer) => stored.subarray(0, -20)],
    ['all of it', () => Buffer.alloc(0)],
  ])('whose last file is damaged (%s) is restored to before it, and the loss is told', async (_, change) => {
    const disk = await withKey(site.replica('disk'));
    await history.putLevel0(disk.store);
    changeStored('disk', history.newest, change);
    const outcome = await site.restore([disk]);
    expect(outcome.txid).toBe(history.newest - 1);
    expect(site.database().equals(history.state(history.newest - 1))).toBe(true);
    expect(outcome.fellBack.join('\n')).toContain(`TXIDs ${formatTxid(txid(history.newest))}`);
  });

  test('damaged in the middle names that file, and is restored to before it', async () => {
    const disk = await withKey(site.replica('disk'));
    await history.putLevel0(disk.store);
    changeStored('disk', 4, flipped(PROLOGUE_SIZE + 70_000));
    const outcome = await site.restore([disk]);
    expect(outcome.txid).toBe(3);
    expect(outcome.fellBack.join('\n')).toContain(ltxKey('folder', 0, txid(4), txid(4)));
  });
});

describe('keys and replica that do not belong together', () => {
  const restoring = (replica: NamedReplica) =>
    restoreDatabase({ ...defaults(site, [replica]), answerTimeout: 5_000 as never });

  test('a wrong identity stops the restore, and says so', async () => {
    const disk = site.replica('disk');
    await history.putLevel0((await withKey(disk)).store);
    await expect(restoring(await withKey(disk, await generateIdentity()))).rejects.toMatchObject({
      code: 'RESTORE_UNREACHABLE',
      message: expect.stringContaining('no key of "age.identities" fits'),
      cause: expect.objectContaining({ code: 'STORAGE_DENIED' }),
    });
    expect(site.names()).toEqual([]);
  });

  test('no identity stops the restore, and says so', async () => {
    const disk = site.replica('disk');
    await history.putLevel0((await withKey(disk)).store);
    await expect(restoring(disk)).rejects.toMatchObject({
      code: 'RESTORE_UNREACHABLE',
      message: expect.stringContaining('encrypted with age, and this replica has no "age" keys'),
    });
  });

  test('a replica in the clear stops the restore, and says so', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    await expect(restoring(await withKey(disk))).rejects.toMatchObject({
      code: 'RESTORE_UNREACHABLE',
      message: expect.stringContaining('is not encrypted'),
    });
  });

  test('a file in the middle for which no identity fits is never passed over as damaged', async () => {
    const disk = await withKey(site.replica('disk'));
    await history.putLevel0(disk.store);
    const other = await withKey(site.replica('disk'), await generateIdentity());
    await history.putLevel0(other.store, 4, 4);
    await expect(restoring(disk)).rejects.toMatchObject({ message: expect.stringContaining('no key of') });
    expect(site.names()).toEqual([]);
  });
});
