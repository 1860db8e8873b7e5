import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { bytes, milliseconds, type Txid, txid } from '../../../src/quantities.ts';
import { DatabaseSnapshots } from '../../../src/replication/upkeep/database-snapshots.ts';
import { MergedFiles } from '../../../src/replication/upkeep/merged-files.ts';
import { ReplicaUpkeep } from '../../../src/replication/upkeep/replica-upkeep.ts';
import { takeInventory } from '../../../src/restore/inventory.ts';
import { restorablePoints } from '../../../src/restore/plan.ts';
import { restoreDatabase } from '../../../src/restore/restore.ts';
import { parseLtxKey } from '../../../src/storage/key-layout.ts';
import { SerialQueue } from '../../../src/wal/serial-queue.ts';
import { createRandom, type Random } from '../../faults/support/random.ts';
import { History } from '../../restore/replica-builder.ts';
import { snapshotOf } from '../support/change-sets.ts';
import { MemoryStore } from '../support/memory-store.ts';

const MINUTE = 60_000;
const PAGE_SIZE = 512;
const never = new AbortController().signal;

/** What grows, shrinks, and turns over a database. */
function randomCommit(history: History, random: Random): void {
  const kind = random.next();
  if (kind < 0.6) history.commit(`INSERT INTO item (body) VALUES (randomblob(${random.between(10, 4000)}))`);
  else if (kind < 0.75) history.commit(`DELETE FROM item WHERE id % ${random.between(2, 5)} = 0`);
  else if (kind < 0.9) history.commit(`UPDATE item SET body = randomblob(200) WHERE id % 7 = ${random.between(0, 6)}`);
  else history.commit('VACUUM');
}

it.each([1, 2, 3])('every point that is left is the database as it was then, byte for byte (seed %i)', async (seed) => {
  const random = createRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'exact-'));
  const store = new MemoryStore();
  const history = new History({ pageSize: PAGE_SIZE, startedAt: Date.UTC(2026, 0, 1) });
  // A commit in 20 seconds.
  history.time = (number) => milliseconds(Date.UTC(2026, 0, 1) + number * 20_000);
  store.lastModified = (key) => history.time(parseLtxKey('folder', key)?.maxTxid ?? 0);
  let now = history.time(1) as number;
  let done = 0;
  const newUpkeep = () =>
    new ReplicaUpkeep({
      replica: 'one',
      store,
      takeListing: () => undefined,
      settings: {
        mergeIntervals: [30_000, 5 * MINUTE].map(milliseconds),
        snapshotInterval: milliseconds(9 * MINUTE),
        level0Duration: milliseconds(MINUTE),
        level0CheckInterval: milliseconds(1_000),
        retention: {
          enabled: true,
          duration: milliseconds(20 * MINUTE),
          checkInterval: milliseconds(MINUTE),
          grace: milliseconds(0),
        },
      },
      position: () => txid(history.newest),
      permit: undefined,
      level0KeptFrom: () => undefined,
      stagedCopy: () => undefined,
      merged: new MergedFiles(join(folder, 'levels')),
      room: () => (random.next() < 0.5 ? 0 : 1 << 30),
      snapshots: new DatabaseSnapshots(
        join(folder, 'snapshots'),
        async () => snapshot(history),
        () => upkeep.wake(),
      ),
      turn: new SerialQueue(),
      events: {
        merged: () => done++,
        snapshot: () => done++,
        retention: () => undefined,
        retained: () => done++,
        legacyRetention: () => undefined,
        legacyRetained: () => done++,
        undeleted: (keys) => expect(keys).toEqual([]),
        damaged: (error) => expect(error).toBeUndefined(),
        failed: (error) => expect(error).toBeUndefined(),
        fenced: (error) => expect(error).toBeUndefined(),
      },
      wallClock: () => milliseconds(now),
      monotonicClock: () => milliseconds(performance.now()),
      random: () => 0,
    });
  let upkeep = newUpkeep();
  upkeep.start();
  /** Time goes by until nothing is done any more. */
  const settle = async () => {
    for (let before = -1; before !== done; ) {
      before = done;
      upkeep.wake();
      await sleep(15);
    }
  };
  try {
    for (let count = 1; count < 180; count += 1) {
      randomCommit(history, random);
      await history.putLevel0(store, history.newest);
      now = history.time(history.newest);
      const file = {
        level: 0,
        path: '',
        minTxid: txid(history.newest),
        maxTxid: txid(history.newest),
        size: bytes(store.objects.get(newestKey(store))?.byteLength ?? 0),
        timestamp: history.time(history.newest),
        fileChecksum: '',
      };
      upkeep.uploaded(file);
      if (count % 10 === 0) await settle();
      if (count % 59 !== 0) continue;
      // Nothing must go while it is looked at; and what comes after is a restart.
      await upkeep.stop();
      await expectExact(history, store, folder, random);
      upkeep = newUpkeep();
      upkeep.start();
    }
    await settle();
    await upkeep.stop();
    await expectExact(history, store, folder, random);
    expect(done).toBeGreaterThan(15);
  } finally {
    await upkeep.stop();
    history.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

const newestKey = (store: MemoryStore) =>
  [...store.objects.keys()]
    .filter((key) => key.startsWith('ltx/0/'))
    .sort()
    .at(-1) ?? '';

function snapshot(history: History) {
  const state = history.state(history.newest);
  const pages = Array.from({ length: state.byteLength / PAGE_SIZE }, (_, index) => [
    index + 1,
    state.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE),
  ]);
  return {
    snapshot: snapshotOf(Object.fromEntries(pages) as Record<number, Buffer>),
    txid: txid(history.newest),
    timestamp: history.time(history.newest),
  };
}

/** Restores the ends and some of the points between. */
async function expectExact(history: History, store: MemoryStore, folder: string, random: Random): Promise<void> {
  const points = restorablePoints(await takeInventory(store, never));
  expect(points.at(-1)).toBe(history.newest);
  const some = new Set([
    points[0],
    points.at(-1),
    ...Array.from({ length: 8 }, () => points[random.between(0, points.length - 1)]),
  ]);
  for (const point of some as ReadonlySet<Txid>) {
    const output = join(folder, 'restored.db');
    rmSync(output, { force: true });
    await restoreDatabase({
      replicas: [{ name: 'one', store }],
      target: { kind: 'txid', txid: point },
      policy: { quorum: 'any', from: undefined },
      events: { step: () => {}, warn: () => {}, progress: () => {} },
      signal: never,
      output,
      overwrite: true,
      checksumFile: undefined,
      integrity: { mode: 'none', maxBytes: bytes(0) },
    });
    expect(readFileSync(output).equals(history.state(point)), `TXID ${point}`).toBe(true);
  }
}
