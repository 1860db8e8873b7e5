/** 500 commits at known times: each is restored to just before it, at it, and just after it. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytes, milliseconds, txid } from '../../src/quantities.ts';
import { heldFilesOf } from '../../src/replication/levels/held-files.ts';
import { grainOf, nextMerge } from '../../src/replication/levels/merge-plan.ts';
import { planRetention } from '../../src/replication/levels/retention-plan.ts';
import { keyOf } from '../../src/replication/upkeep/delete-files.ts';
import { mergeFiles } from '../../src/replication/upkeep/merge-files.ts';
import { takeInventory } from '../../src/restore/inventory.ts';
import { previewRestore, restoreDatabase } from '../../src/restore/restore.ts';
import type { RestoreDatabaseOptions } from '../../src/restore/restore-options.ts';
import { parseLtxKey } from '../../src/storage/key-layout.ts';
import { bodyFromFile } from '../../src/storage/object-body.ts';
import { MemoryStore } from '../replication/support/memory-store.ts';
import { History } from './replica-builder.ts';

const COMMITS = 500;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const START = Date.UTC(2026, 0, 31, 23, 58, 0, 1);
const SNAPSHOTS = [2, 180, 360];
const mergeIntervals = [30 * SECOND, 5 * MINUTE, 60 * MINUTE].map(milliseconds);
const grain = grainOf(mergeIntervals);
const { signal } = new AbortController();

/** Bursts within a millisecond of each other, steady commits, and quiet half hours between. */
const gapBefore = (number: number) =>
  number % 50 === 0 ? 31 * MINUTE : number % 10 < 3 ? 1 + (number % 3) : (number % 7) * 1700 + 13;
const times: number[] = [];
for (let number = 1; number <= COMMITS; number += 1) times.push((times.at(-1) ?? START) + gapBefore(number));
const moments = times.flatMap((time) => [time - 1, time, time + 1]);

/** The last commit at or before a moment; 0 where there is none. */
const commitAt = (moment: number) => times.findLastIndex((time) => time <= moment) + 1;

// Nothing here needs to survive a power cut, and 2,000 restores are 4,000 fsyncs.
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'point-in-time-'));
const output = join(folder, 'restored.db');
let history: History;
const level0 = new MemoryStore();
const merged = new MemoryStore();

beforeAll(async () => {
  history = new History({ pageSize: 512, timeOf: (number) => times[number - 1] ?? 0 });
  while (history.newest < COMMITS) history.commit(nextStatement(history.newest));
  await history.putLevel0(level0);
  await putAndMerge();
  for (const store of [level0, merged]) {
    // What the store says of times is of no use: all was put in one moment, a year later.
    store.lastModified = () => START + 365 * 24 * 60 * MINUTE;
  }
}, 120_000);
afterAll(() => {
  history.close();
  rmSync(folder, { recursive: true, force: true });
});

function nextStatement(number: number): string {
  if (number % 120 === 0) return 'VACUUM';
  if (number % 40 === 0) return 'DELETE FROM item WHERE id % 3 = 0';
  if (number % 4 === 0) return `UPDATE item SET body = randomblob(300) WHERE id % 5 = ${number % 5}`;
  return `INSERT INTO item (body) VALUES (randomblob(${100 + ((number * 37) % 900)}))`;
}

/** The second replica, as it comes to be: commit by commit, and merged whenever that is due. */
async function putAndMerge(): Promise<void> {
  merged.lastModified = (key) => times[(parseLtxKey('folder', key)?.maxTxid ?? 1) - 1] ?? 0;
  for (let number = 1; number <= COMMITS; number += 1) {
    await history.putLevel0(merged, number, number);
    if (SNAPSHOTS.includes(number)) await history.putMerged(merged, 9, 1, number);
    await mergeWhatIsDue(times[number - 1] ?? 0);
  }
  await mergeWhatIsDue((times.at(-1) ?? 0) + 60 * MINUTE);
}

async function mergeWhatIsDue(now: number): Promise<void> {
  for (;;) {
    const held = heldFilesOf(await takeInventory(merged, signal));
    const step = nextMerge(held, mergeIntervals, milliseconds(now));
    if (step.kind !== 'due') return;
    const path = join(folder, 'merged.ltx');
    const outcome = await mergeFiles({ merge: step.step, store: merged, localCopy: () => undefined, path, signal });
    if (outcome.kind !== 'merged') throw outcome.error;
    const { file } = outcome;
    await merged.put(keyOf(merged, { ...file } as never), bodyFromFile(file.path, file.size), { createOnly: true });
    await rm(file.path);
  }
}

const optionsFor = (store: MemoryStore, moment: number): RestoreDatabaseOptions => ({
  replicas: [{ name: 'one', store }],
  target: { kind: 'timestamp', timestamp: milliseconds(moment) },
  policy: { quorum: 'any', from: undefined },
  output,
  checksumFile: undefined,
  integrity: { mode: 'none', maxBytes: bytes(0) },
  events: { step: () => {}, warn: () => {}, progress: () => {} },
  signal,
});

/** Restores to a moment; the TXID it led to, after its bytes were compared. */
async function restoredTo(store: MemoryStore, moment: number): Promise<number> {
  const outcome = await restoreDatabase(optionsFor(store, moment));
  if (outcome.kind !== 'restored') throw new Error(`nothing at ${moment}`);
  const isSame = readFileSync(output).equals(history.state(outcome.txid));
  await rm(output);
  if (!isSame) throw new Error(`${moment}: not what TXID ${outcome.txid} was`);
  return outcome.txid;
}

const wrong = (found: readonly (readonly [moment: number, txid: number])[]) =>
  found.filter(([moment, restored]) => restored !== commitAt(moment));

describe('500 commits', () => {
  test('at level 0 alone are each found just before, at and just after', async () => {
    const found: [number, number][] = [];
    for (const moment of moments.slice(1)) {
      const { choice } = await previewRestore(optionsFor(level0, moment));
      if (choice.kind !== 'restore' || choice.position.format !== undefined) throw new Error(`nothing at ${moment}`);
      found.push([moment, choice.position.txid]);
    }
    expect(wrong(found)).toEqual([]);
  }, 120_000);

  test('at level 0 alone are restored byte for byte: every twentieth', async () => {
    const found: [number, number][] = [];
    for (const moment of moments.filter((_, index) => Math.floor(index / 3) % 20 === 19)) {
      found.push([moment, await restoredTo(level0, moment)]);
    }
    expect(wrong(found)).toEqual([]);
  }, 120_000);

  test('merged, with level 0 still there, are each restored byte for byte just before, at and just after', async () => {
    const levels = [...merged.objects.keys()].map((key) => parseLtxKey('folder', key)?.level);
    for (const level of [1, 2, 9]) expect(levels).toContain(level);
    const found: [number, number][] = [];
    for (const moment of moments.slice(1)) found.push([moment, await restoredTo(merged, moment)]);
    expect(wrong(found)).toEqual([]);
  }, 240_000);

  test('merged, after retention, are restored to what is promised: the last ones exactly, all within five minutes', async () => {
    const now = milliseconds((times.at(-1) ?? 0) + 2 * MINUTE);
    const level0Duration = milliseconds(5 * MINUTE);
    merged.lastModified = (key) => times[(parseLtxKey('folder', key)?.maxTxid ?? 1) - 1] ?? 0;
    const held = heldFilesOf(await takeInventory(merged, signal));
    const day = milliseconds(24 * 60 * MINUTE);
    const policy = { duration: day, grace: milliseconds(0), level0Duration, grain, level0KeptFrom: undefined };
    const { going } = planRetention(held, policy, now);
    await merged.delete(going.map(({ file }) => keyOf(merged, file)));
    expect(going.length).toBeGreaterThan(300);
    merged.lastModified = () => START + 365 * day;
    let blurred = 0;
    for (const moment of times) {
      const restored = await restoredTo(merged, moment);
      const exact = commitAt(moment);
      if (restored !== exact) blurred += 1;
      if (moment >= now - level0Duration) expect(restored).toBe(exact);
      expect(restored).toBeLessThanOrEqual(exact);
      // No state later than the moment, and none that is further from it than the merged files' grain.
      expect((times[exact - 1] ?? 0) - (times[restored - 1] ?? 0)).toBeLessThanOrEqual(grain);
    }
    // Otherwise nothing was tried here.
    expect(blurred).toBeGreaterThan(100);
  }, 240_000);

  test('outside of what is held: before it, the error tells from when to when; after it, the newest is taken', async () => {
    const iso = (moment = 0) => new Date(moment).toISOString();
    await expect(restoreDatabase(optionsFor(level0, moments[0] ?? 0))).rejects.toMatchObject({
      code: 'RESTORE_NOT_AVAILABLE',
      message: expect.stringContaining(
        `; it holds ${iso(times[0])} (TXID 0000000000000001) to ${iso(times.at(-1))} (TXID 00000000000001f4)`,
      ),
    });
    const told: string[] = [];
    const late = optionsFor(merged, START + 24 * 60 * MINUTE);
    const step = (line: string) => void told.push(line);
    await restoreDatabase({ ...late, events: { ...late.events, step } });
    expect(told).toContainEqual(expect.stringContaining(`one holds nothing later than ${iso(times.at(-1))}`));
    expect(readFileSync(output).equals(history.state(COMMITS))).toBe(true);
    await rm(output);
    await expect(
      restoreDatabase({ ...optionsFor(level0, 0), target: { kind: 'txid', txid: txid(COMMITS + 1) } }),
    ).rejects.toMatchObject({ message: expect.stringContaining('the nearest: TXID 00000000000001f4; it holds ') });
  });
});
