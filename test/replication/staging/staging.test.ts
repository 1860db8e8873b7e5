import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytes, milliseconds, txid } from '../../../src/quantities.ts';
import { loadPosition } from '../../../src/replication/staging/position-file.ts';
import type { StagingReader } from '../../../src/replication/staging/staging-cap.ts';
import { Bench, fillsOf } from '../support/bench.ts';
import { changeSet, page, snapshotOf, wholeDatabase } from '../support/change-sets.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.dispose());

const first = () => wholeDatabase({ 1: page(1), 2: page(2) });
const name = (min: number, max: number) =>
  `${min.toString(16).padStart(16, '0')}-${max.toString(16).padStart(16, '0')}.ltx`;
const reader = (position: number | undefined, change: Partial<StagingReader> = {}): StagingReader => ({
  position: position === undefined ? undefined : txid(position),
  wantsSnapshot: false,
  reachable: true,
  ...change,
});
const unlimited = bytes(1 << 30);

describe('a change set', () => {
  it('becomes the level-0 file of the next TXID, in Litestream’s own local layout', async () => {
    const staging = await bench.open();
    await staging.append(first());
    const file = await staging.append(changeSet({ 2: page(9) }));
    expect(bench.names('level0')).toEqual([name(1, 1), name(2, 2)]);
    expect(file.path).toContain('.station.db-litestream/ltx/0/');
    expect(await fillsOf(file)).toEqual({ 2: 9 });
  });

  it('moves the saved position, which names the file by its checksum', async () => {
    const staging = await bench.open();
    const file = await staging.append(first());
    const saved = await loadPosition(bench.folder.position);
    expect(saved).toMatchObject({ txid: 1, pageSize: 512, commit: 2, fileChecksums: [file.fileChecksum] });
  });

  it('is later than the one before, even where the clock was set back', async () => {
    const staging = await bench.open();
    await staging.append(first());
    bench.now -= 60_000;
    const file = await staging.append(changeSet({ 2: page(3) }));
    expect(file.timestamp).toBeGreaterThan(staging.level0[0]?.timestamp ?? 0);
  });

  it('that cannot be written has not happened, and can be tried again', async () => {
    const staging = await bench.open();
    await staging.append(first());
    rmSync(bench.folder.level0, { recursive: true });
    await expect(staging.append(changeSet({ 2: page(3) }))).rejects.toMatchObject({ code: 'STAGING_FAILED' });
    expect(staging.position.txid).toBe(1);
    mkdirSync(bench.folder.level0);
    expect((await staging.append(changeSet({ 2: page(3) }))).maxTxid).toBe(2);
  });

  it('whose position cannot be saved leaves no hole when it is tried again', async () => {
    const staging = await bench.open();
    await staging.append(first());
    mkdirSync(`${bench.folder.position}.tmp`);
    await expect(staging.append(changeSet({ 2: page(3) }))).rejects.toMatchObject({ code: 'STAGING_FAILED' });
    expect(staging.level0).toHaveLength(1);
    rmdirSync(`${bench.folder.position}.tmp`);
    await staging.append(changeSet({ 2: page(3) }));
    expect(staging.level0.map((file) => file.maxTxid)).toEqual([1, 2]);
    expect((await bench.load()).content.level0).toHaveLength(2);
  });

  it('that is durable does not fail because its checksums cannot be kept', async () => {
    const staging = await bench.open();
    mkdirSync(`${bench.folder.pageChecksums}.tmp`);
    expect((await staging.append(first())).maxTxid).toBe(1);
    rmdirSync(`${bench.folder.pageChecksums}.tmp`);
    await staging.append(changeSet({ 2: page(3) }));
    const { known } = await bench.load();
    expect(known).toMatchObject({ kind: 'earlier', checksums: undefined });
  });

  it('is seen together with its position, or not at all: an uploader between them would ask for a snapshot', async () => {
    const staging = await bench.open();
    let appending = true;
    const watch = (async () => {
      let differing = 0;
      while (appending) {
        if (staging.position.txid !== (staging.level0.at(-1)?.maxTxid ?? 0)) differing += 1;
        await nextTurn();
      }
      return differing;
    })();
    for (let count = 0; count < 20; count += 1) await staging.append(first());
    appending = false;
    expect(await watch).toBe(0);
  });
});

describe('a database made anew with another page size', () => {
  it('becomes a snapshot above what came before, and level 0 goes on from it', async () => {
    const staging = await bench.open();
    await staging.append(first());
    await staging.append(wholeDatabase({ 1: page(7, 1024) }, 'new-database'));
    expect(bench.names('snapshots')).toEqual([name(1, 2)]);
    expect(staging.snapshot?.maxTxid).toBe(2);
    await staging.append(changeSet({ 1: page(8, 1024) }));
    expect(bench.names('level0')).toEqual([name(1, 1), name(3, 3)]);
    expect(staging.snapshot?.maxTxid).toBe(2);
  });
});

describe('a snapshot', () => {
  it('ends at the position, and is known by its checksum from then on', async () => {
    const staging = await bench.open();
    const { fileChecksum } = await staging.append(first());
    const file = await staging.stageSnapshot(snapshotOf({ 1: page(1), 2: page(2) }));
    expect([file.minTxid, file.maxTxid]).toEqual([1, 1]);
    expect(staging.position.fileChecksums).toEqual([fileChecksum, file.fileChecksum]);
  });

  it('is of use only while level-0 files lead on from it without a gap', async () => {
    const staging = await bench.open();
    await staging.append(first());
    await staging.stageSnapshot(snapshotOf({ 1: page(1), 2: page(2) }));
    for (let fill = 3; fill < 8; fill += 1) await staging.append(changeSet({ 2: page(fill) }));
    expect(staging.snapshot?.maxTxid).toBe(1);
    await staging.tidy([reader(1, { reachable: false })], bytes(1), 'in-batches');
    expect(staging.snapshot).toBeUndefined();
  });

  it('that no longer leads anywhere gives its room back', async () => {
    const staging = await bench.open();
    await staging.append(first());
    await staging.stageSnapshot(snapshotOf({ 1: page(1), 2: page(2) }));
    for (let fill = 3; fill < 8; fill += 1) await staging.append(changeSet({ 2: page(fill) }));
    const waiting = reader(1, { wantsSnapshot: true, reachable: false });
    await staging.tidy([waiting], bytes(1), 'in-batches');
    await staging.tidy([waiting], bytes(1), 'in-batches');
    expect(bench.names('snapshots')).toEqual([]);
  });

  it('stays while a replica waits for it, and goes when all have got further', async () => {
    const staging = await bench.open();
    await staging.append(first());
    await staging.stageSnapshot(snapshotOf({ 1: page(1), 2: page(2) }));
    await staging.tidy([reader(1), reader(1, { wantsSnapshot: true })], unlimited, 'in-batches');
    expect(bench.names('snapshots')).toHaveLength(1);
    await staging.tidy([reader(1), reader(1)], unlimited, 'in-batches');
    expect(bench.names('snapshots')).toEqual([]);
  });

  it('takes the place of an older one', async () => {
    const staging = await bench.open();
    await staging.append(first());
    await staging.stageSnapshot(snapshotOf({ 1: page(1), 2: page(2) }));
    await staging.append(changeSet({ 2: page(3) }));
    await staging.stageSnapshot(snapshotOf({ 1: page(1), 2: page(3) }));
    expect(bench.names('snapshots')).toEqual([name(1, 2)]);
  });
});

describe('going on above another history', () => {
  it('takes the next free TXID and a later time than the other had', async () => {
    const staging = await bench.open();
    await staging.append(first());
    await staging.continueAbove({ txid: txid(40), timestamp: milliseconds(9_000_000) });
    expect(staging.position.txid).toBe(41);
    expect(staging.position.timestamp).toBeGreaterThan(9_000_000);
    expect((await staging.append(changeSet({ 2: page(3) }))).maxTxid).toBe(42);
  });

  it('remembers the files of this history, of which a replica may hold the last', async () => {
    const staging = await bench.open();
    await staging.append(first());
    await staging.append(changeSet({ 2: page(3) }));
    const { fileChecksum } = await staging.stageSnapshot(snapshotOf({ 1: page(1), 2: page(3) }));
    await staging.append(changeSet({ 2: page(4) }));
    expect(staging.position.landmarks).toEqual([{ txid: 2, fileChecksum }]);
  });
});

describe('tidying', () => {
  it('gathers finished files, and folds the page checksums once for all', async () => {
    const staging = await bench.open();
    await staging.append(first());
    for (let fill = 0; fill < 70; fill += 1) {
      await staging.append(changeSet({ 2: page(fill) }));
      await staging.tidy([reader(staging.position.txid)], unlimited, 'in-batches');
    }
    expect(staging.level0.length).toBeLessThan(66);
    expect(bench.names('level0')).toHaveLength(staging.level0.length);
    await staging.tidy([reader(71)], unlimited, 'now');
    expect(bench.names('level0')).toEqual([name(71, 71)]);
    const { known } = await bench.load();
    expect(known).toMatchObject({ kind: 'earlier', checksums: { commit: 2 } });
  });

  it('frees room even where the checksums cannot be folded for want of it', async () => {
    const staging = await bench.open();
    await staging.append(first());
    await staging.append(changeSet({ 2: page(3) }));
    mkdirSync(`${bench.folder.pageChecksums}.tmp`);
    await staging.tidy([reader(2)], unlimited, 'now');
    rmdirSync(`${bench.folder.pageChecksums}.tmp`);
    expect(bench.names('level0')).toEqual([name(2, 2)]);
    expect((await bench.load()).known).toMatchObject({ checksums: undefined });
  });
});
