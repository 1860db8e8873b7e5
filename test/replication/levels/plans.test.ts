import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Milliseconds, milliseconds, type Txid } from '../../../src/quantities.ts';
import { grainOf, MOST_INPUTS, nextMerge } from '../../../src/replication/levels/merge-plan.ts';
import { GRACE, planRetention, type RetentionPlan } from '../../../src/replication/levels/retention-plan.ts';
import { proveRetention } from '../../../src/replication/levels/retention-proof.ts';
import { nextSnapshot } from '../../../src/replication/levels/snapshot-schedule.ts';
import { at, type Change, changes, ModelReplica } from './model.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 1, 9, 59, 47, 123);

interface Settings {
  readonly intervals: readonly Milliseconds[];
  readonly snapshotInterval: Milliseconds;
  readonly retention: Milliseconds;
  readonly level0Retention: Milliseconds;
}

const defaults: Settings = {
  intervals: [30 * SECOND, 5 * MINUTE, HOUR].map(at),
  snapshotInterval: at(DAY),
  retention: at(DAY),
  level0Retention: at(5 * MINUTE),
};

/** Does what is due now, until nothing is; as the running program does when it wakes. */
function keepUp(model: ModelReplica, settings: Settings, now: Milliseconds): void {
  for (;;) {
    const merge = nextMerge(model.held, settings.intervals, now);
    if (merge.kind === 'due') {
      model.merge(merge.step, now);
      continue;
    }
    const snapshot = nextSnapshot(model.held, settings.snapshotInterval, settings.intervals, now);
    if (snapshot.kind !== 'due') return;
    model.snapshot(now);
  }
}

function retain(model: ModelReplica, settings: Settings, now: Milliseconds, keptFrom?: Txid): RetentionPlan {
  const policy = {
    duration: settings.retention,
    grace: GRACE,
    level0Duration: settings.level0Retention,
    grain: grainOf(settings.intervals),
    level0KeptFrom: keptFrom,
  };
  return planRetention(model.held, policy, now);
}

/** The next time that anything falls due by itself. */
function nextDue(model: ModelReplica, settings: Settings, now: Milliseconds): number {
  const merge = nextMerge(model.held, settings.intervals, now);
  const snapshot = nextSnapshot(model.held, settings.snapshotInterval, settings.intervals, now);
  return Math.min(...[merge, snapshot].map((step) => (step.kind === 'later' ? step.at : Number.POSITIVE_INFINITY)));
}

/** A day (or so) of one write every `period`, with everything kept up as it falls due. */
function live(settings: Settings, period: number, length: number, look: (model: ModelReplica, now: number) => void) {
  const model = new ModelReplica();
  let syncs = 0;
  for (let now = START; now < START + length; ) {
    model.sync({ kind: 'write', pages: [1 + (syncs % 3)] }, milliseconds(now));
    syncs += 1;
    keepUp(model, settings, milliseconds(now));
    const next = now + period;
    for (let due = nextDue(model, settings, at(now)); due < next; due = nextDue(model, settings, at(due))) {
      keepUp(model, settings, milliseconds(due));
    }
    look(model, now);
    now = next;
  }
  return { model, syncs };
}

describe('a day of writing', () => {
  it.each([
    ['every second', SECOND, DAY / 8],
    ['every 10 seconds', 10 * SECOND, DAY],
    ['every minute', MINUTE, DAY],
    ['every half an hour', 30 * MINUTE, 4 * DAY],
  ])(
    '%s: uploads are at most 1.15 times those of level 0, and a restore reads at most 200 objects',
    (_, period, length) => {
      let most = 0;
      let looks = 0;
      const { model, syncs } = live(defaults, period, length, (one, now) => {
        looks += 1;
        if (looks % 397 === 0 || now > START + length - 20 * period) most = Math.max(most, one.objectsToRestore());
      });
      expect(model.puts).toBeLessThanOrEqual(1.15 * syncs + 1);
      expect(most).toBeLessThanOrEqual(120);
    },
  );

  it('merges at multiples of each interval, as Litestream does', () => {
    const { model } = live(defaults, SECOND, 3 * HOUR, () => undefined);
    for (const [level, interval] of [
      [1, 30 * SECOND],
      [2, 5 * MINUTE],
      [3, HOUR],
    ] as const) {
      const files = model.held.level(level);
      expect(files.length).toBeGreaterThan(1);
      for (const file of files) expect(file.storedAt % interval).toBe(0);
      for (const [index, file] of files.entries()) {
        if (index > 0) expect(file.minTxid).toBe((files[index - 1]?.maxTxid ?? 0) + 1);
        // Nested: each begins and ends where a file of the level below does.
        const below = model.held.level(level - 1);
        expect(below.some((one) => one.minTxid === file.minTxid)).toBe(true);
        expect(below.some((one) => one.maxTxid === file.maxTxid)).toBe(true);
      }
    }
  });

  it('and then rest: nothing falls due any more but one last snapshot', () => {
    const { model } = live(defaults, SECOND, HOUR, () => undefined);
    let now = START + HOUR;
    const due: number[] = [];
    for (
      let next = nextDue(model, defaults, at(now));
      Number.isFinite(next);
      next = nextDue(model, defaults, at(now))
    ) {
      now = next;
      due.push(now);
      keepUp(model, defaults, milliseconds(now));
    }
    // The levels below what was written last, and the day's snapshot.
    expect(due.length).toBeLessThanOrEqual(4);
    expect(model.held.level(9).at(-1)?.maxTxid).toBe(model.newest);
  });
});

describe('whatever is written', () => {
  const rhythm = fc.record({
    change: changes,
    pause: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 20 * SECOND }) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 10 * MINUTE }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 5 * HOUR }) },
    ),
    also: fc.constantFrom('nothing', 'nothing', 'nothing', 'restart', 'retention', 'late', 'take-over'),
  });

  it('every restorable point is the database as it was then, for us and for stock Litestream, and none that is promised goes', () => {
    const settings: Settings = {
      intervals: [5 * SECOND, 30 * SECOND, 2 * MINUTE].map(at),
      snapshotInterval: at(20 * MINUTE),
      retention: at(HOUR),
      level0Retention: at(MINUTE),
    };
    fc.assert(
      fc.property(fc.array(rhythm, { minLength: 60, maxLength: 260 }), (history) => {
        const model = new ModelReplica();
        let now = START;
        let keptFrom: Txid | undefined;
        let isLate = false;
        for (const { change, pause, also } of history) {
          now += pause;
          model.sync(change as Change, milliseconds(now));
          // An outage: nothing is merged or deleted for a while.
          if (also === 'late') isLate = !isLate;
          if (also === 'take-over') keptFrom = model.newest;
          if (also === 'restart') model.restart();
          if (!isLate) keepUp(model, settings, milliseconds(now));
          if (!isLate && also === 'retention') {
            const plan = retain(model, settings, milliseconds(now), keptFrom);
            proveRetention(plan);
            model.held.remove(plan.going.map(({ file }) => file));
            checkPromise(model, settings, now);
            if (keptFrom !== undefined) checkKept(model, keptFrom);
          }
        }
        checkImages(model);
        checkPromise(model, settings, now);
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });
});

function checkImages(model: ModelReplica): void {
  for (const point of model.points()) {
    const expected = [...(model.states.get(point)?.image ?? [])].sort(byNumber);
    expect([...model.restore(point)].sort(byNumber)).toEqual(expected);
    expect([...model.restoreAsStock(point)].sort(byNumber)).toEqual(expected);
  }
}

/** A restore to any moment within retention lacks no commit older than the grain; the newest state is always there. */
function checkPromise(model: ModelReplica, settings: Settings, now: number): void {
  const points = model.points();
  expect(points.at(-1)).toBe(model.newest);
  const restorable = new Set(points);
  const grain = grainOf(settings.intervals);
  let firstLacking: number | undefined;
  for (const [point, { time }] of model.states) {
    if (restorable.has(point)) firstLacking = undefined;
    else firstLacking ??= time;
    if (time < now - settings.retention) continue;
    expect(time - (firstLacking ?? time)).toBeLessThanOrEqual(grain);
    if (time > now - settings.level0Retention) expect(restorable.has(point)).toBe(true);
  }
}

function checkKept(model: ModelReplica, keptFrom: Txid): void {
  const level0 = new Set(model.held.level(0).map((file) => file.maxTxid));
  for (const [point, { from }] of model.states) {
    if (point >= keptFrom && from === 'level-0') expect(level0.has(point)).toBe(true);
  }
}

const byNumber = (one: readonly [number, number], other: readonly [number, number]) => one[0] - other[0];

describe('a merge', () => {
  it('never spans a gap, and takes no more files at once than can be open', () => {
    const model = new ModelReplica();
    for (let count = 0; count < 20; count += 1) model.sync({ kind: 'write', pages: [1] }, at(START + count));
    model.snapshot(at(START + 20));
    model.sync({ kind: 'write', pages: [1] }, at(START + 30));
    model.sync({ kind: 'write', pages: [1] }, at(START + 31));
    model.sync({ kind: 'fork', skip: 2 }, at(START + 40));
    for (let count = 0; count < 300; count += 1) model.sync({ kind: 'write', pages: [1] }, at(START + 50 + count));
    const now = at(START + HOUR);
    const ranges: (readonly number[])[] = [];
    for (let merge = nextMerge(model.held, defaults.intervals.slice(0, 1), now); merge.kind === 'due'; ) {
      ranges.push([merge.step.inputs[0].minTxid, merge.step.inputs.at(-1)?.maxTxid ?? 0, merge.step.inputs.length]);
      model.merge(merge.step, now);
      merge = nextMerge(model.held, defaults.intervals.slice(0, 1), now);
    }
    // The history that ended is closed with what it has; the fork's own TXID is a snapshot's.
    expect(ranges).toEqual([
      [21, 22, 2],
      [26, 26 + MOST_INPUTS - 1, MOST_INPUTS],
      [26 + MOST_INPUTS, 26 + 2 * MOST_INPUTS - 1, MOST_INPUTS],
      [26 + 2 * MOST_INPUTS, 325, 300 - 2 * MOST_INPUTS],
    ]);
  });

  it('waits for the first snapshot, however many files there are: an old replica is not read back', () => {
    const model = new ModelReplica();
    for (let count = 0; count < 3000; count += 1) model.sync({ kind: 'write', pages: [1] }, at(START + count));
    const now = at(START + HOUR);
    expect(nextMerge(model.held, defaults.intervals, now)).toEqual({ kind: 'none' });
    expect(nextSnapshot(model.held, defaults.snapshotInterval, defaults.intervals, now).kind).toBe('due');
    model.snapshot(now);
    expect(nextMerge(model.held, defaults.intervals, now)).toEqual({ kind: 'none' });
  });

  it('does not wait for a clock that was set back', () => {
    const model = new ModelReplica();
    for (let count = 0; count < 30; count += 1) model.sync({ kind: 'write', pages: [1] }, at(START + DAY + count));
    model.snapshot(at(START));
    model.sync({ kind: 'write', pages: [1] }, at(START + DAY + 31));
    for (let count = 0; count < 12; count += 1) model.sync({ kind: 'write', pages: [1] }, at(START + DAY + 40 + count));
    expect(nextMerge(model.held, defaults.intervals, at(START)).kind).toBe('due');
  });
});

describe('retention', () => {
  it('keeps what one old snapshot and nothing else can restore', () => {
    const model = new ModelReplica();
    for (let count = 0; count < 30; count += 1) model.sync({ kind: 'write', pages: [1] }, at(START + count));
    model.snapshot(at(START + 30));
    const plan = retain(model, defaults, at(START + 400 * DAY));
    proveRetention(plan);
    model.held.remove(plan.going.map(({ file }) => file));
    expect(model.held.all().map(({ level, maxTxid }) => [level, maxTxid])).toEqual([
      [0, 30],
      [9, 30],
    ]);
    expect(model.points()).toEqual([30]);
  });

  it('deletes nothing for a clock that is a year ahead but what lies before the newest snapshot', () => {
    const { model } = live(defaults, MINUTE, 3 * DAY, () => undefined);
    const newest = model.newest;
    const plan = retain(model, defaults, at(START + 400 * DAY));
    model.held.remove(plan.going.map(({ file }) => file));
    expect(model.points().at(-1)).toBe(newest);
    expect(model.points()[0]).toBe(model.held.level(9)[0]?.maxTxid);
  });

  it('that would go too far is found out before anything is deleted', () => {
    const { model } = live(defaults, SECOND, HOUR, () => undefined);
    const plan = retain(model, defaults, at(START + HOUR));
    const wrong = (going: (file: { level: number; maxTxid: number }) => boolean): RetentionPlan => ({
      ...plan,
      going: model.held.all().flatMap((file) => (going(file) ? [{ file, why: 'merged' as const }] : [])),
      staying: model.held.all().flatMap((file) => (going(file) ? [] : [{ file, why: 'within-retention' as const }])),
    });
    expect(() => proveRetention(wrong(({ level, maxTxid }) => level === 9 || maxTxid < 20))).toThrow('would be lost');
    expect(() => proveRetention(wrong(({ level, maxTxid }) => level === 0 && maxTxid === model.newest - 1))).toThrow(
      'TXID',
    );
    expect(() => proveRetention(wrong(({ level }) => level === 2))).not.toThrow();
    expect(() => proveRetention(plan)).not.toThrow();
  });

  it('lets stale level-0 files go once merged, unless commits are so rare that merging would blur them', () => {
    const often = live(defaults, SECOND, HOUR, () => undefined).model;
    const later = at(START + HOUR + 6 * MINUTE);
    expect(retain(often, defaults, later).going.length).toBeGreaterThan(3000);
    const rarely = live(defaults, 10 * MINUTE, DAY, () => undefined).model;
    const plan = retain(rarely, defaults, at(START + DAY + HOUR));
    expect(plan.going).toEqual([]);
    expect(plan.staying.filter(({ why }) => why === 'finer-than-the-merged').length).toBeGreaterThan(80);
  });
});
