import { describe, expect, it } from 'vitest';
import { milliseconds, type Txid } from '../../../src/quantities.ts';
import { type HeldFile, HeldFiles } from '../../../src/replication/levels/held-files.ts';
import { grainOf, nextMerge } from '../../../src/replication/levels/merge-plan.ts';
import { proveRetention } from '../../../src/replication/levels/retention-proof.ts';
import { nextSnapshot } from '../../../src/replication/levels/snapshot-schedule.ts';
import { RetentionSchedule } from '../../../src/replication/upkeep/retention-schedule.ts';
import type { UpkeepSettings } from '../../../src/replication/upkeep/upkeep-settings.ts';
import { createRandom } from '../../faults/support/random.ts';
import { at, ModelReplica } from './model.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 1, 3, 17);

/** The guide's example: snapshots every hour, kept for 30 days. */
const settings: UpkeepSettings = {
  mergeIntervals: [30_000, 5 * MINUTE, HOUR].map(at),
  snapshotInterval: at(HOUR),
  level0Duration: at(5 * MINUTE),
  level0CheckInterval: at(15_000),
  retention: { enabled: true, duration: at(30 * DAY), checkInterval: at(HOUR) },
};

interface Year {
  readonly model: ModelReplica;
  readonly mostObjects: number;
  readonly mostToRestore: number;
  readonly syncs: number;
  readonly sweeps: number;
}

/**
 * A year of a database that is written to in bursts, at rest, and by the minute, and restarted now and then.
 * @param deletes what the store really deletes of what it is told to
 */
function liveAYear(seed: number, deletes: (files: readonly HeldFile[]) => readonly HeldFile[]): Year {
  const random = createRandom(seed);
  const model = new ModelReplica();
  let schedule = new RetentionSchedule(settings);
  /** What the store says to have deleted, and lists again to whoever starts anew. */
  let ghosts: HeldFile[] = [];
  let [mostObjects, mostToRestore, syncs, sweeps] = [0, 0, 0, 0];
  let nextCheck = START + 7 * DAY;
  let nextRestart = START + 3 * DAY;

  const act = (now: number): number => {
    for (;;) {
      const merge = nextMerge(model.held, settings.mergeIntervals, at(now));
      const snapshot = nextSnapshot(model.held, settings.snapshotInterval, settings.mergeIntervals, at(now));
      const retention = schedule.next(model.held, undefined, at(now));
      if (merge.kind === 'due') model.merge(merge.step, at(now));
      else if (snapshot.kind === 'due') model.snapshot(at(now));
      else if (retention.kind === 'due') {
        if (random.next() < 0.01) proveRetention(retention.step);
        const going = retention.step.going.map(({ file }) => file);
        const gone = new Set(deletes(going));
        ghosts.push(...going.filter((file) => !gone.has(file)));
        model.held.remove(going);
        schedule.swept();
        sweeps += 1;
        continue;
      } else {
        const times = [merge, snapshot, retention].map((step) => (step.kind === 'later' ? step.at : Infinity));
        return Math.min(...times);
      }
      schedule.changed(at(now));
    }
  };

  let pace = 9 * MINUTE;
  let nextPace = START + DAY;
  for (let now = START; now < START + 365 * DAY; ) {
    model.sync({ kind: 'write', pages: [1 + (syncs % 5)] }, milliseconds(now));
    syncs += 1;
    if (now > nextPace) {
      nextPace = now + random.between(1, 40) * HOUR;
      pace = random.pick([9 * MINUTE, HOUR, 6 * HOUR]);
    }
    const next = now + Math.floor(pace * (0.5 + random.next()));
    for (let due = act(now); due < next; ) {
      now = due;
      due = act(now);
    }
    now = next;
    if (now > nextRestart) {
      nextRestart = now + random.between(1, 9) * DAY;
      model.held = new HeldFiles([...model.held.all(), ...ghosts]);
      ghosts = [];
      schedule = new RetentionSchedule(settings);
    }
    if (now < nextCheck) continue;
    nextCheck = now + 7 * DAY;
    mostObjects = Math.max(mostObjects, model.held.all().length + ghosts.length);
    const believed = model.held;
    model.held = new HeldFiles([...believed.all(), ...ghosts]);
    mostToRestore = Math.max(mostToRestore, model.objectsToRestore());
    checkPromise(model, now);
    model.held = believed;
    for (const [point, { time }] of model.states) if (time < now - 45 * DAY) model.states.delete(point);
  }
  return { model, mostObjects, mostToRestore, syncs, sweeps };
}

/** Every moment of the last 30 days can be restored, to within the grain; a few of them are, to exactly what was there. */
function checkPromise(model: ModelReplica, now: number): void {
  const points = model.points();
  expect(points.at(-1)).toBe(model.newest);
  const restorable = new Set(points);
  let firstLacking: number | undefined;
  let late = 0;
  for (const [point, { time }] of model.states) {
    firstLacking = restorable.has(point) ? undefined : (firstLacking ?? time);
    if (time >= now - settings.retention.duration) late = Math.max(late, time - (firstLacking ?? time));
  }
  expect(late).toBeLessThanOrEqual(grainOf(settings.mergeIntervals));
  const promised = points.filter((point) => (model.states.get(point)?.time ?? 0) >= now - settings.retention.duration);
  for (const point of [promised[0], promised[promised.length >> 1], promised.at(-1)] as readonly Txid[]) {
    expect([...model.restore(point)].sort()).toEqual([...(model.states.get(point)?.image ?? [])].sort());
  }
}

describe('a year with hourly snapshots, kept for 30 days', () => {
  it('loses no promised moment, and holds no more objects than its days need', () => {
    const year = liveAYear(1, (files) => files);
    expect(year.syncs).toBeGreaterThan(15_000);
    expect(year.mostToRestore).toBeLessThan(80);
    // 30 days and what waits to go: no more than that of a whole year would be.
    const snapshots = year.model.held.level(9).length;
    expect(snapshots).toBeLessThanOrEqual(31 * 24 + 3);
    expect(year.mostObjects).toBeLessThan(year.syncs / 4);
    for (const level of [0, 1, 2, 3, 9]) expect(year.model.held.level(level).length).toBeGreaterThan(0);
  });

  it('on a store that lies about every third deletion loses none either, and clears up after restarts', () => {
    const random = createRandom(7);
    const year = liveAYear(2, (files) => files.filter(() => random.next() > 1 / 3));
    expect(year.mostToRestore).toBeLessThan(80);
    expect(year.mostObjects).toBeLessThan(year.syncs / 4);
  });
});
