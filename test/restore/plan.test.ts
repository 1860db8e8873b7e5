import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytes, milliseconds, txid } from '../../src/quantities.ts';
import type { Inventory, ReplicaFile } from '../../src/restore/inventory.ts';
import { type PlanGoal, planRestore, restorablePoints } from '../../src/restore/plan.ts';

function file(level: number, minTxid: number, maxTxid: number, size = 1000): ReplicaFile {
  return {
    key: `${level}/${minTxid}-${maxTxid}`,
    level,
    minTxid: txid(minTxid),
    maxTxid: txid(maxTxid),
    size: bytes(size),
    lastModified: milliseconds(0),
  };
}

function inventoryOf(...files: readonly ReplicaFile[]): Inventory {
  const sorted = files.toSorted((a, b) => a.level - b.level || a.minTxid - b.minTxid || a.maxTxid - b.maxTxid);
  return {
    files: sorted,
    newestListed: txid(files.reduce((newest, one) => Math.max(newest, one.maxTxid), 0)),
    unreadable: undefined,
  };
}

function planned(inventory: Inventory, goal: PlanGoal = { kind: 'newest' }, excluding?: ReadonlySet<string>) {
  const result = planRestore(inventory, goal, excluding);
  if (result.kind !== 'plan') throw new Error(`no plan: ${result.kind}`);
  return { ...result.plan, keys: result.plan.files.map((one) => one.key) };
}

const MIB = 1024 * 1024;

describe('planRestore', () => {
  test('takes the newest snapshot and the merged files since, in order', () => {
    const inventory = inventoryOf(
      file(9, 1, 10, 50 * MIB),
      file(9, 1, 20, 60 * MIB),
      file(1, 1, 10),
      file(1, 11, 20),
      file(1, 21, 25),
      ...[21, 22, 23, 24, 25, 26, 27].map((n) => file(0, n, n)),
    );
    const plan = planned(inventory);
    expect(plan.keys).toEqual(['1/1-10', '1/11-20', '1/21-25', '0/26-26', '0/27-27']);
    expect(plan.txid).toBe(27);
    expect(plan.bytes).toBe(5000);
    const large = inventoryOf(
      ...inventory.files.map((one) => (one.key === '1/1-10' ? { ...one, size: bytes(70 * MIB) } : one)),
    );
    expect(planned(large).keys).toEqual(['9/1-10', '1/11-20', '1/21-25', '0/26-26', '0/27-27']);
  });

  test('prefers a fresh snapshot to an old one with much since', () => {
    const inventory = inventoryOf(file(9, 1, 10, 50 * MIB), file(9, 1, 20, 50 * MIB), file(1, 11, 20, 30 * MIB));
    expect(planned(inventory).keys).toEqual(['9/1-20']);
  });

  test('with the newest snapshot excluded, goes by an older one, or by level 0 from the first TXID', () => {
    const level0 = [1, 2, 3, 4].map((n) => file(0, n, n));
    const inventory = inventoryOf(file(9, 1, 2, MIB), file(9, 1, 4, MIB), ...level0.slice(1));
    expect(planned(inventory, { kind: 'newest' }, new Set(['9/1-4'])).keys).toEqual(['9/1-2', '0/3-3', '0/4-4']);
    const withFirst = inventoryOf(...inventory.files, file(0, 1, 1));
    expect(planned(withFirst, { kind: 'newest' }, new Set(['9/1-4', '9/1-2'])).keys).toEqual([
      '0/1-1',
      '0/2-2',
      '0/3-3',
      '0/4-4',
    ]);
  });

  test('stops before a gap and says what is out of reach', () => {
    const plan = planned(inventoryOf(file(9, 1, 3), file(0, 4, 4), file(0, 6, 6), file(0, 7, 7)));
    expect(plan.txid).toBe(4);
    expect(plan.unreachable).toEqual({ from: 5, to: 7 });
  });

  test('bridges a gap with an overlapping file of a higher level', () => {
    const plan = planned(inventoryOf(file(0, 1, 1), file(0, 2, 2), file(0, 4, 4), file(0, 5, 5), file(1, 2, 4)));
    expect(plan.keys).toEqual(['0/1-1', '1/2-4', '0/5-5']);
    expect(plan.unreachable).toBeUndefined();
  });

  test('a TXID inside a merged file is not a point of its own; the neighbours are named', () => {
    const inventory = inventoryOf(file(9, 1, 10), file(1, 11, 20));
    expect(planned(inventory, { kind: 'txid', txid: txid(10) }).keys).toEqual(['9/1-10']);
    expect(planRestore(inventory, { kind: 'txid', txid: txid(15) })).toEqual({
      kind: 'not-available',
      below: 10,
      above: 20,
    });
    expect(planRestore(inventory, { kind: 'txid', txid: txid(21) })).toMatchObject({ below: 20, above: undefined });
  });

  test('knows nothing from nothing restorable', () => {
    expect(planRestore(inventoryOf(), { kind: 'newest' })).toEqual({ kind: 'empty' });
    expect(planRestore(inventoryOf(file(0, 2, 2)), { kind: 'newest' })).toEqual({ kind: 'no-snapshot' });
    expect(planRestore(inventoryOf(file(9, 1, 5, 0)), { kind: 'newest' })).toEqual({ kind: 'no-snapshot' });
  });

  test('a hundred thousand files are planned in one go', () => {
    const many = Array.from({ length: 100_000 }, (_, index) => file(0, index + 1, index + 1));
    const started = performance.now();
    expect(planned(inventoryOf(...many)).files).toHaveLength(100_000);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

const files = fc.uniqueArray(
  fc
    .record({
      level: fc.nat({ max: 9 }),
      minTxid: fc.integer({ min: 1, max: 8 }),
      length: fc.nat({ max: 7 }),
      size: fc.integer({ min: 100, max: 4 * MIB }),
    })
    .map(({ level, minTxid, length, size }) => file(level, minTxid, minTxid + length, size)),
  { selector: (one) => one.key, maxLength: 14 },
);

/** Every contiguous way from a snapshot, by depth-first search: where it ends, and what it costs. */
function everyRoute(all: readonly ReplicaFile[]): readonly { readonly end: number; readonly cost: number }[] {
  const routes: { end: number; cost: number }[] = [];
  const visit = (end: number, cost: number): void => {
    routes.push({ end, cost });
    for (const next of all) {
      if (next.minTxid <= end + 1 && next.maxTxid > end) visit(next.maxTxid, cost + next.size + 256 * 1024);
    }
  };
  for (const first of all.filter((one) => one.minTxid === 1)) visit(first.maxTxid, first.size + 256 * 1024);
  return routes;
}

describe('against every way there is', () => {
  test('the newest reachable TXID is reached, by the cheapest way', () => {
    fc.assert(
      fc.property(files, fc.uniqueArray(fc.nat({ max: 13 }), { maxLength: 4 }), (all, indexes) => {
        const inventory = inventoryOf(...all);
        const excluding = new Set(indexes.map((index) => inventory.files[index]?.key ?? ''));
        const routes = everyRoute(inventory.files.filter((one) => !excluding.has(one.key)));
        const newest = Math.max(0, ...routes.map((route) => route.end));
        const result = planRestore(inventory, { kind: 'newest' }, excluding);
        if (result.kind !== 'plan') {
          expect(newest).toBe(0);
          return;
        }
        const { plan } = result;
        expect(plan.txid).toBe(newest);
        const cost = plan.bytes + plan.files.length * 256 * 1024;
        expect(cost).toBe(Math.min(...routes.filter((route) => route.end === newest).map((route) => route.cost)));
        expect(plan.files.some((one) => excluding.has(one.key))).toBe(false);
        expect(plan.unreachable === undefined).toBe(newest === inventory.newestListed);
      }),
      { numRuns: 500 },
    );
  });

  test('the files of a plan follow each other without a gap', () => {
    fc.assert(
      fc.property(files, (all) => {
        const result = planRestore(inventoryOf(...all), { kind: 'newest' });
        if (result.kind !== 'plan') return;
        const [first, ...rest] = result.plan.files;
        expect(first.minTxid).toBe(1);
        rest.reduce((end, next) => {
          expect(next.minTxid).toBeLessThanOrEqual(end + 1);
          expect(next.maxTxid).toBeGreaterThan(end);
          return next.maxTxid;
        }, first.maxTxid);
      }),
      { numRuns: 300 },
    );
  });

  test('exactly the points that can be reached can be asked for', () => {
    fc.assert(
      fc.property(files, (all) => {
        const inventory = inventoryOf(...all);
        const points = new Set(everyRoute(all).map((route) => route.end));
        expect(restorablePoints(inventory)).toEqual([...points].sort((a, b) => a - b));
        for (let wanted = 1; wanted <= 16; wanted += 1) {
          const result = planRestore(inventory, { kind: 'txid', txid: txid(wanted) });
          expect(result.kind === 'plan' && result.plan.txid === wanted).toBe(points.has(wanted));
        }
      }),
      { numRuns: 200 },
    );
  });
});
