import { beforeEach, describe, expect, it } from 'vitest';
import { StationError } from '../../../src/errors.ts';
import { bytes, milliseconds, txid } from '../../../src/quantities.ts';
import { type HeldFile, HeldFiles } from '../../../src/replication/levels/held-files.ts';
import type { RetentionPlan } from '../../../src/replication/levels/retention-plan.ts';
import { keyOf } from '../../../src/replication/upkeep/delete-files.ts';
import { RetentionSweep } from '../../../src/replication/upkeep/retention-sweep.ts';
import { MemoryStore } from '../support/memory-store.ts';

const HOUR = 3_600_000;
const { signal } = new AbortController();
const admitted = async () => undefined;
let store: MemoryStore;
let sweep: RetentionSweep;
let now: number;

beforeEach(() => {
  store = new MemoryStore();
  sweep = new RetentionSweep(store, milliseconds(HOUR));
  now = Date.UTC(2026, 0, 1);
});

function fileOf(level: number, minTxid: number, maxTxid: number): HeldFile {
  const time = milliseconds(now);
  return {
    level,
    minTxid: txid(minTxid),
    maxTxid: txid(maxTxid),
    size: bytes(1000),
    time,
    timeFrom: 'header',
    storedAt: time,
  };
}

/** Level-0 files of these TXIDs, which the replica holds, and which a merged file stands in for. */
function planOf(from: number, to: number): RetentionPlan {
  const files = Array.from({ length: to - from + 1 }, (_, index) => fileOf(0, from + index, from + index));
  for (const file of files) store.objects.set(keyOf(store, file), Buffer.alloc(1000));
  const merged = { file: fileOf(1, 1, 100_000), why: 'within-retention' } as const;
  return { going: files.map((file) => ({ file, why: 'merged' })), staying: [merged], next: undefined };
}

async function remove(from: number, to = from, admit: () => Promise<unknown> = admitted): Promise<void> {
  await sweep.carryOut(planOf(from, to), new HeldFiles(), admit, signal);
}

/** Something is deleted each hour. The hours in which it was looked after. */
async function hoursOfLooks(hours: number): Promise<readonly number[]> {
  const looks: number[] = [];
  for (let hour = 0; hour < hours; hour += 1) {
    await remove(hour + 1);
    if ((sweep.lookAt(milliseconds(now)) ?? Number.POSITIVE_INFINITY) <= now) {
      await sweep.look(milliseconds(now), admitted, signal);
      looks.push(hour);
    }
    now += HOUR;
  }
  return looks;
}

describe('what was deleted', () => {
  it('is looked after ever more rarely while the store does what it says, and once a day in the end', async () => {
    expect(await hoursOfLooks(110)).toEqual([0, 2, 6, 14, 30, 54, 78, 102]);
  });

  it('is looked after as often as at first once something was found left', async () => {
    await hoursOfLooks(31);
    store.remove = () => undefined;
    // The next look is a day after the last; from then on it is one in each hour.
    expect(await hoursOfLooks(26)).toEqual([23, 24, 25]);
  });

  it('is looked after in time although the clock was set back since', async () => {
    now += 1000 * HOUR;
    await hoursOfLooks(1);
    now -= 1000 * HOUR;
    expect(await hoursOfLooks(6)).toEqual([2]);
  });

  it('is remembered as far as there is room, the newest', async () => {
    sweep = new RetentionSweep(store, milliseconds(HOUR), 3);
    store.remove = () => undefined;
    await remove(1, 5);
    const left = await sweep.look(milliseconds(now), admitted, signal);
    expect(left).toEqual([3, 4, 5].map((number) => keyOf(store, fileOf(0, number, number))));
  });

  it('is no leftover where it was put again, or where others may have written since', async () => {
    await remove(1, 2);
    planOf(1, 2);
    sweep.put(fileOf(0, 1, 1));
    const again = await sweep.look(milliseconds(now), admitted, signal);
    expect([again, [...store.objects.keys()]]).toEqual([[], [keyOf(store, fileOf(0, 1, 1))]]);
    await remove(3);
    planOf(3, 3);
    sweep.forget();
    expect(sweep.lookAt(milliseconds(now))).toBeUndefined();
  });
});

describe('without the lease', () => {
  const lost = new StationError('LEASE_LOST', 'another has it');

  it('nothing more is deleted, from one batch to the next', async () => {
    let asked = 0;
    const admit = async () => {
      asked += 1;
      if (asked === 2) throw lost;
    };
    await expect(remove(1, 2500, admit)).rejects.toBe(lost);
    expect(store.objects.size).toBe(1500);
  });

  it('what the store has kept is not deleted a second time', async () => {
    store.remove = () => undefined;
    await remove(1);
    const deletions = () => store.asked.filter((one) => one.startsWith('delete')).length;
    const before = deletions();
    await expect(sweep.look(milliseconds(now), () => Promise.reject(lost), signal)).rejects.toBe(lost);
    expect(deletions()).toBe(before);
  });
});
