import { describe, expect, it } from 'vitest';
import { storedInTheEnd, type UpkeepSchedule, upkeepAMonth, upkeepAtMost } from '../../src/cost/upkeep.ts';
import { bytes, milliseconds } from '../../src/quantities.ts';
import { nextMerge } from '../../src/replication/levels/merge-plan.ts';
import { nextSnapshot } from '../../src/replication/levels/snapshot-schedule.ts';
import { ModelReplica } from '../replication/levels/model.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MIB = 1 << 20;
const store = { partSize: undefined, listsPerUpload: 0, hasRequests: true } as const;
const schedule: UpkeepSchedule = {
  levels: [30_000, 300_000, HOUR].map(milliseconds),
  snapshotInterval: milliseconds(DAY),
  retention: { enabled: true, duration: milliseconds(DAY), checkInterval: milliseconds(HOUR) },
};
const month = (syncs: number, change: Partial<UpkeepSchedule> = {}) =>
  upkeepAMonth(store, syncs, bytes(1000), bytes(MIB), { ...schedule, ...change });

describe('a month of merges and snapshots', () => {
  it('at rest is none', () => {
    expect(month(0)).toEqual({ puts: 0, lists: 0 });
  });

  it.each([
    // 86,400 at level 1, 8,640 at level 2, 720 at level 3, 30 snapshots.
    ['a second', 2_592_000, 95_790],
    // A twelfth of 259,200, a sixth of those, a sixth of those, and 30.
    ['ten seconds', 259_200, 21_600 + 3_600 + 600 + 30],
    ['a minute', 43_200, 3_600 + 600 + 100 + 30],
  ])('at one sync in %s is at most 0.15 of the uploads', (_, syncs, puts) => {
    expect(month(syncs).puts).toBe(puts);
    expect(puts).toBeLessThanOrEqual(0.15 * syncs);
  });

  it('looks after deletions ever more rarely, down to once a day, and at the other levels once a snapshot has grown old', () => {
    // After 0, 2, 6, 14 and 30 hours, and then each day.
    const looks = 5 + 28;
    expect(month(43_200).lists).toBe(looks + 30 * 4);
    expect(upkeepAtMost(1440, schedule).looks).toBe(4 + 4 + schedule.levels.length + 2);
    const rarely = { ...schedule.retention, checkInterval: milliseconds(48 * HOUR) };
    expect(month(43_200, { retention: rarely }).lists).toBe(15 + 15 * 4);
    expect(month(43_200, { retention: { ...schedule.retention, enabled: false } }).lists).toBe(0);
  });

  it('counts the parts of a large snapshot', () => {
    const inParts = { ...store, partSize: bytes(8 * MIB) };
    const requests = upkeepAMonth(inParts, 30, bytes(1000), bytes(80 * MIB), { ...schedule, levels: [] });
    expect(requests.puts).toBe(30 * 12);
  });

  it('is no less than what a day of the real plans comes to', () => {
    const model = new ModelReplica();
    const start = Date.UTC(2026, 0, 1, 0, 0, 5);
    let syncs = 0;
    for (let now = start; now < start + DAY; now += 20_000) {
      model.sync({ kind: 'write', pages: [1] }, milliseconds(now));
      syncs += 1;
      for (;;) {
        const merge = nextMerge(model.held, schedule.levels, milliseconds(now));
        const snapshot = nextSnapshot(model.held, schedule.snapshotInterval, schedule.levels, milliseconds(now));
        if (merge.kind === 'due') model.merge(merge.step, milliseconds(now));
        else if (snapshot.kind === 'due') model.snapshot(milliseconds(now));
        else break;
      }
    }
    const { merges, snapshots } = upkeepAtMost(syncs, schedule);
    expect(model.puts - syncs).toBeLessThanOrEqual(merges + snapshots);
    expect(model.puts - syncs).toBeGreaterThan((merges + snapshots) * 0.7);
  });
});

describe('what is stored in the end', () => {
  it('is the snapshots that are kept and the changes since, at each level', () => {
    const window = (DAY + HOUR + DAY) / (30 * DAY);
    const stored = storedInTheEnd(43_200, bytes(1000), bytes(MIB), schedule);
    expect(stored).toBe(Math.round(3 * MIB + window * 43_200 * 1000 * 4));
    expect(storedInTheEnd(0, bytes(1000), bytes(MIB), schedule)).toBe(MIB);
  });

  it('with retention off is all that the month brought', () => {
    const off = { ...schedule, retention: { ...schedule.retention, enabled: false } };
    expect(storedInTheEnd(1000, bytes(1000), bytes(MIB), off)).toBe(31 * MIB + 4_000_000);
  });
});
