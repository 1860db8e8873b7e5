import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pageChecksum } from '../../../src/ltx/checksum.ts';
import { pageNumber, txid } from '../../../src/quantities.ts';
import { afterStock, dropUnsaved, isContinuedByStock } from '../../../src/replication/staging/load-staging.ts';
import type { Staging } from '../../../src/replication/staging/staging.ts';
import { Bench } from '../support/bench.ts';
import { changeSet, page, snapshotOf, wholeDatabase } from '../support/change-sets.ts';

let bench: Bench;
let staging: Staging;
beforeEach(async () => {
  bench = new Bench();
  staging = await bench.open();
  await staging.append(wholeDatabase({ 1: page(1), 2: page(2), 3: page(3) }));
  await staging.append(changeSet({ 2: page(20) }, { commit: 3 }));
});
afterEach(() => bench.dispose());

async function checksums(from: Bench): Promise<readonly bigint[] | undefined> {
  const { known } = await from.load();
  if (known.kind !== 'earlier' || known.checksums === undefined) return undefined;
  return [...(await known.checksums.read(1, known.checksums.commit))];
}

const expected = (fills: readonly number[]) =>
  fills.map((fill, index) => pageChecksum(pageNumber(index + 1), page(fill)));

/** A replica, by its last file. */
const endsWith = (at: number, ...fileChecksums: readonly string[]) => ({ listedTxid: txid(at), fileChecksums });

describe('after a kill', () => {
  it('the checksums are those of the position, from their file and the files staged since', async () => {
    expect(await checksums(bench)).toEqual(expected([1, 20, 3]));
  });

  it('before the position was saved, the file it would have named is captured again', async () => {
    const position = readFileSync(bench.folder.position);
    await staging.append(changeSet({ 3: page(30) }));
    writeFileSync(bench.folder.position, position);
    const loaded = await bench.load();
    expect(loaded.content.position.txid).toBe(2);
    expect(loaded.content.level0).toHaveLength(2);
    expect(isContinuedByStock(loaded, [endsWith(3, 'a replica’s last file')])).toBe(false);
    await dropUnsaved(loaded);
    expect(bench.names('level0')).toHaveLength(2);
    expect(await checksums(bench)).toEqual(expected([1, 20, 3]));
  });

  it('between a snapshot and the position that names it, the snapshot is known all the same', async () => {
    const position = readFileSync(bench.folder.position);
    const { fileChecksum } = await staging.stageSnapshot(snapshotOf({ 1: page(1), 2: page(20), 3: page(3) }));
    writeFileSync(bench.folder.position, position);
    const { content } = await bench.load();
    expect(content.snapshot?.fileChecksum).toBe(fileChecksum);
    expect(content.position.fileChecksums).toContain(fileChecksum);
  });

  it('between a snapshot and the removal of the one before, only the newer stays', async () => {
    await staging.stageSnapshot(snapshotOf({ 1: page(1), 2: page(20), 3: page(3) }));
    const [older = ''] = bench.names('snapshots');
    const kept = join(bench.root, older);
    copyFileSync(join(bench.folder.snapshots, older), kept);
    await staging.append(changeSet({ 3: page(30) }));
    await staging.stageSnapshot(snapshotOf({ 1: page(1), 2: page(20), 3: page(30) }));
    copyFileSync(kept, join(bench.folder.snapshots, older));
    expect((await bench.load()).content.snapshot?.maxTxid).toBe(3);
    expect(bench.names('snapshots')).toHaveLength(1);
  });

  it('before stock Litestream went on from there, its files are the last of a replica, and gone on from', async () => {
    const position = readFileSync(bench.folder.position);
    await staging.append(changeSet({ 3: page(30) }));
    await staging.append(changeSet({ 3: page(31) }));
    writeFileSync(bench.folder.position, position);
    const loaded = await bench.load();
    const last = loaded.above.at(-1)?.fileChecksum ?? '';
    expect(isContinuedByStock(loaded, [endsWith(4, last)])).toBe(true);
    const { content, known } = afterStock(bench.folder, loaded);
    expect(content.position).toMatchObject({ txid: 4, fileChecksums: [last] });
    expect(content.level0).toHaveLength(4);
    expect(known).toMatchObject({ kind: 'earlier', position: undefined, checksums: undefined });
  });

  it('before stock Litestream went on from there and was killed, the last of a replica is among its files', async () => {
    const position = readFileSync(bench.folder.position);
    for (const data of [30, 31, 32]) await staging.append(changeSet({ 3: page(data) }));
    writeFileSync(bench.folder.position, position);
    const loaded = await bench.load();
    expect(loaded.above).toHaveLength(3);
    expect(isContinuedByStock(loaded, [endsWith(3, loaded.above[0]?.fileChecksum ?? '')])).toBe(true);
    expect(isContinuedByStock(loaded, [endsWith(2, ...loaded.content.position.fileChecksums)])).toBe(false);
    expect(afterStock(bench.folder, loaded).content.position).toMatchObject({ txid: 5 });
  });

  it('before stock Litestream was killed right after a snapshot, which no file here tells of', async () => {
    const position = readFileSync(bench.folder.position);
    for (const data of [30, 31, 32]) await staging.append(changeSet({ 3: page(data) }));
    writeFileSync(bench.folder.position, position);
    const loaded = await bench.load();
    const snapshot = (at: number) => endsWith(at, 'of a snapshot');
    expect([2, 3, 4, 5, 6].filter((at) => isContinuedByStock(loaded, [snapshot(at)]))).toEqual([3, 4, 5]);
    expect(isContinuedByStock(loaded, [{ ...snapshot(4), isAnothers: true }])).toBe(false);
    // One file alone may be of ours, whose position was not saved any more.
    const alone = { ...loaded, above: loaded.above.slice(0, 1) };
    expect(isContinuedByStock(alone, [snapshot(3)])).toBe(false);
  });

  it('halfway through a file, what was written of it is removed', async () => {
    const temporary = join(bench.folder.level0, '0000000000000003-0000000000000003.ltx.tmp');
    writeFileSync(temporary, 'half');
    await bench.load();
    expect(existsSync(temporary)).toBe(false);
  });
});

describe('a staging folder', () => {
  it('with a file that its disk has damaged loses that file, and no replica gets it', async () => {
    const path = staging.level0[1]?.path ?? '';
    const damaged = readFileSync(path);
    damaged.writeUInt8(damaged.readUInt8(130) ^ 1, 130);
    writeFileSync(path, damaged);
    const { content, known } = await bench.load();
    expect(content.level0.map((file) => file.maxTxid)).toEqual([1]);
    expect(existsSync(path)).toBe(false);
    expect(known).toMatchObject({ checksums: undefined });
  });

  it('with a file that is none, or cut short, goes on without it', async () => {
    writeFileSync(
      join(bench.folder.level0, '0000000000000001-0000000000000001.ltx'),
      'no LTX file, but a name of one'.repeat(9),
    );
    expect((await bench.load()).content.level0.map((file) => file.maxTxid)).toEqual([2]);
  });

  it('whose position is damaged says so, and what to do', async () => {
    writeFileSync(bench.folder.position, '{');
    await expect(bench.load()).rejects.toMatchObject({
      code: 'STAGING_FAILED',
      hint: expect.stringContaining('aside'),
    });
  });

  it('of a stock Litestream is gone on from: a file of every page, above its last TXID', async () => {
    rmSync(join(bench.folder.root, 'station'), { recursive: true });
    const adopted = await bench.open();
    expect(adopted.position).toMatchObject({ txid: 2, fileChecksums: [adopted.level0.at(-1)?.fileChecksum] });
    await adopted.append(wholeDatabase({ 1: page(5), 2: page(6), 3: page(7) }));
    expect(adopted.snapshot).toMatchObject({ minTxid: 1, maxTxid: 3 });
    expect(await checksums(bench)).toEqual(expected([5, 6, 7]));
  });
});
