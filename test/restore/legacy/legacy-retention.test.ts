import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytes, milliseconds } from '../../../src/quantities.ts';
import type { Generation, LegacySegment, LegacySnapshot } from '../../../src/restore/legacy/generations.ts';
import { planGeneration } from '../../../src/restore/legacy/legacy-plan.ts';
import { planLegacyRetention } from '../../../src/restore/legacy/legacy-retention.ts';

/** What was written, in order: a snapshot, a segment, the next WAL file, or a new generation. */
type Event = 'snapshot' | 'segment' | 'next' | 'generation';

/** Generations as 0.3 writes them: each begins with a snapshot, one a second apart from the next event. */
function generationsOf(events: readonly Event[]): readonly Generation[] {
  const generations: { name: string; snapshots: LegacySnapshot[]; segments: LegacySegment[] }[] = [];
  let index = 0;
  let offset = 0;
  for (const [at, event] of (['generation', ...events] as const).entries()) {
    const lastModified = milliseconds((at + 1) * 10);
    if (event === 'generation') {
      generations.push({ name: String(generations.length).padStart(16, '0'), snapshots: [], segments: [] });
      index = 0;
      offset = 0;
    }
    const current = generations.at(-1);
    if (current === undefined) continue;
    const common = { generation: current.name, size: bytes(100), lastModified };
    if (event === 'generation' || event === 'snapshot') {
      const key = `${current.name}/s${index}`;
      // One of the same index is written over.
      current.snapshots = current.snapshots.filter((one) => one.index !== index);
      current.snapshots.push({ kind: 'snapshot', index, key, ...common });
      continue;
    }
    if (event === 'next' && offset > 0) {
      index += 1;
      offset = 0;
    }
    const key = `${current.name}/w${index}_${offset}`;
    current.segments.push({ kind: 'segment', form: 'part', index, offset, key, ...common });
    offset += 100;
  }
  return generations;
}

/** The newest state at or before a moment: which last object gives it. */
function restorable(generations: readonly Generation[], moment: number): string | undefined {
  const plans = generations.flatMap((generation) => {
    const plan = planGeneration(generation, { timestamp: milliseconds(moment) }, new Set());
    return plan === undefined ? [] : [plan];
  });
  const newest = plans.sort((a, b) => b.timestamp - a.timestamp)[0];
  const last = newest?.segments.at(-1);
  // Where WAL follows, which snapshot it began with makes no difference to the state.
  return newest === undefined ? undefined : (last?.key ?? `${newest.generation} alone`);
}

function without(generations: readonly Generation[], keys: readonly string[]): readonly Generation[] {
  const gone = new Set(keys);
  return generations.map(({ name, snapshots, segments }) => ({
    name,
    snapshots: snapshots.filter(({ key }) => !gone.has(key)),
    segments: segments.filter(({ key }) => !gone.has(key)),
  }));
}

const events = fc.array(fc.constantFrom<Event>('snapshot', 'segment', 'segment', 'segment', 'next', 'generation'), {
  maxLength: 40,
});

describe('whatever was written, and however long it is kept', () => {
  const policies = fc.record({ age: fc.nat(450), retention: fc.nat(450), chain: fc.option(fc.nat(500)) });

  test('every promised moment gives what it gave before', () => {
    fc.assert(
      fc.property(events, policies, (written, { age, retention, chain }) => {
        const generations = generationsOf(written);
        const now = (written.length + 1) * 10 + age;
        const chainFrom = chain === null ? undefined : milliseconds(chain);
        const policy = { now: milliseconds(now), retention: milliseconds(retention), chainFrom };
        const left = without(generations, planLegacyRetention(generations, policy).keys);
        // From the LTX snapshot on, the chain gives every moment.
        const end = Math.min(now, (chain ?? Number.POSITIVE_INFINITY) - 1);
        for (let moment = Math.max(0, now - retention); moment <= end; moment += 5) {
          const before = restorable(generations, moment);
          expect(restorable(left, moment), `at ${moment}`).toBe(before);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('so it does where only some of what was to go has gone', () => {
    fc.assert(
      fc.property(events, policies, fc.infiniteStream(fc.boolean()), (written, { age, retention, chain }, coins) => {
        const generations = generationsOf(written);
        const now = (written.length + 1) * 10 + age;
        const chainFrom = chain === null ? undefined : milliseconds(chain);
        const policy = { now: milliseconds(now), retention: milliseconds(retention), chainFrom };
        const { keys } = planLegacyRetention(generations, policy);
        const left = without(
          generations,
          keys.filter(() => coins.next().value === true),
        );
        const again = without(left, planLegacyRetention(left, policy).keys);
        const end = Math.min(now, (chain ?? Number.POSITIVE_INFINITY) - 1);
        for (let moment = Math.max(0, now - retention); moment <= end; moment += 5) {
          const before = restorable(generations, moment);
          expect(restorable(left, moment), `at ${moment}`).toBe(before);
          expect(restorable(again, moment), `at ${moment}, after another run`).toBe(before);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('nothing changes before the time that the plan tells', () => {
    fc.assert(
      fc.property(events, policies, fc.nat(500), (written, { age, retention, chain }, later) => {
        const generations = generationsOf(written);
        const chainFrom = chain === null ? undefined : milliseconds(chain);
        const at = (now: number) =>
          planLegacyRetention(generations, { now: milliseconds(now), retention: milliseconds(retention), chainFrom });
        const now = (written.length + 1) * 10 + age;
        const { keys, next = Number.POSITIVE_INFINITY } = at(now);
        expect(next).toBeGreaterThan(now);
        expect(at(Math.min(now + later, next - 1)).keys).toEqual(keys);
      }),
    );
  });

  test('without an LTX snapshot, the newest state stays, however old', () => {
    fc.assert(
      fc.property(events, fc.nat(100_000), (written, age) => {
        const generations = generationsOf(written);
        const now = milliseconds(written.length * 10 + 10 + age);
        const { keys } = planLegacyRetention(generations, { now, retention: milliseconds(1), chainFrom: undefined });
        expect(restorable(without(generations, keys), now)).toBe(restorable(generations, now));
      }),
    );
  });

  test('a second run removes nothing', () => {
    fc.assert(
      fc.property(events, fc.nat(400), (written, retention) => {
        const generations = generationsOf(written);
        const policy = {
          now: milliseconds(written.length * 10 + 10),
          retention: milliseconds(retention),
          chainFrom: undefined,
        };
        const left = without(generations, planLegacyRetention(generations, policy).keys);
        expect(planLegacyRetention(left, policy).keys).toEqual([]);
      }),
    );
  });
});

const day = 24 * 60 * 60 * 1000;
const hourly = generationsOf(
  Array.from({ length: 200 }, (_, at) => (at % 8 === 7 ? 'snapshot' : at % 8 === 0 ? 'next' : 'segment')),
);
const judged = (now: number, retention: number, chainFrom?: number) =>
  planLegacyRetention(hourly, {
    now: milliseconds(now),
    retention: milliseconds(retention),
    chainFrom: chainFrom === undefined ? undefined : milliseconds(chainFrom),
  });

test('once LTX snapshots reach back beyond the retention, all of it goes', () => {
  expect(judged(10 * day, day, 8 * day).verdicts).toEqual([
    expect.objectContaining({ kept: [], why: 'the LTX snapshots reach back beyond the retention' }),
  ]);
  expect(judged(10 * day, day, 9.5 * day).verdicts[0]?.kept.length).toBeGreaterThan(0);
});

test('a live backup keeps what the retention asks for, and little more', () => {
  const [verdict] = judged(2010, 500).verdicts;
  expect(verdict?.removed.length).toBeGreaterThan(130);
  expect(verdict?.why).toMatch(/^its snapshot of WAL \d+ leads to the first moment within the retention$/);
});

test('of a WAL file that is there twice, the form that is not read goes with the other', () => {
  const spare = { kind: 'segment', form: 'whole-raw', offset: 0, generation: '0', size: bytes(1) } as const;
  const spares = [0, 22].map((index) => ({
    ...spare,
    index,
    key: `raw ${index}`,
    lastModified: milliseconds(index * 80),
  }));
  const generations = hourly.map((generation) => ({ ...generation, spares }));
  const policy = { now: milliseconds(2010), retention: milliseconds(500), chainFrom: undefined };
  const { keys } = planLegacyRetention(generations, policy);
  expect(keys).toContain('raw 0');
  expect(keys).not.toContain('raw 22');
  const all = planLegacyRetention(generations, { ...policy, now: milliseconds(day), chainFrom: milliseconds(3000) });
  expect(all.keys).toContain('raw 22');
  expect(all.next).toBeUndefined();
});

test('the newest restorable state stays, where a later generation lacks what would make it one', () => {
  const [old, later] = generationsOf(['segment', 'segment', 'generation', 'segment', 'next', 'segment']);
  // The first WAL file of the later one never came.
  const hollow = { name: '1', snapshots: later?.snapshots ?? [], segments: later?.segments.slice(1) ?? [] };
  const generations = [old ?? hollow, hollow];
  const plan = planLegacyRetention(generations, {
    now: milliseconds(day),
    retention: milliseconds(1),
    chainFrom: undefined,
  });
  expect(restorable(generations, day)).toBe('0000000000000000/w0_100');
  expect(restorable(without(generations, plan.keys), day)).toBe('0000000000000000/w0_100');
  expect(plan.verdicts[0]?.why).toMatch(/^objects are missing among the backups/);
});

test('an empty list, and one of nothing but segments', () => {
  expect(
    planLegacyRetention([], { now: milliseconds(day), retention: milliseconds(1), chainFrom: undefined }).keys,
  ).toEqual([]);
  const [generation] = generationsOf(['segment', 'segment']);
  const bare = [{ name: '0', snapshots: [], segments: generation?.segments ?? [] }];
  const at = (now: number) =>
    planLegacyRetention(bare, { now: milliseconds(now), retention: milliseconds(100), chainFrom: undefined }).keys;
  // Its snapshot may be on its way; a day later it is not.
  expect(at(50)).toEqual([]);
  expect(at(day)).toHaveLength(2);
});
