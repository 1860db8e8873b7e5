import { describe, expect, test } from 'vitest';
import { bytes, milliseconds } from '../../../src/quantities.ts';
import type { Generation, LegacySegment, LegacySnapshot } from '../../../src/restore/legacy/generations.ts';
import { type LegacyGoal, planGeneration } from '../../../src/restore/legacy/legacy-plan.ts';

const name = '0123456789abcdef';

function snapshot(index: number, time: number): LegacySnapshot {
  const key = `generations/${name}/snapshots/0000000${index}.snapshot.lz4`;
  return { kind: 'snapshot', generation: name, index, key, size: bytes(100), lastModified: milliseconds(time) };
}

function segment(index: number, offset: number, time: number): LegacySegment {
  const key = `generations/${name}/wal/0000000${index}_0000${String(offset).padStart(4, '0')}.wal.lz4`;
  const common = { generation: name, index, offset, key, size: bytes(10), lastModified: milliseconds(time) };
  return { kind: 'segment', form: 'part', ...common };
}

/** Two snapshots, three WAL files; times rise by ten. */
const generation: Generation = {
  name,
  snapshots: [snapshot(0, 10), snapshot(2, 50)],
  segments: [segment(0, 0, 20), segment(0, 32, 30), segment(1, 0, 40), segment(2, 0, 60), segment(2, 32, 70)],
};

/** What is used: `s2 2/0 2/32`. */
function planned(of: Generation, goal: LegacyGoal = {}, excluded: readonly string[] = []): string | undefined {
  const plan = planGeneration(of, goal, new Set(excluded));
  if (plan === undefined) return undefined;
  return [`s${plan.snapshot.index}`, ...plan.segments.map((one) => `${one.index}/${one.offset}`)].join(' ');
}

const without = (index: number, offset: number): Generation => ({
  ...generation,
  segments: generation.segments.filter((one) => one.index !== index || one.offset !== offset),
});

describe('the newest state', () => {
  test('is the newest snapshot, and the WAL from the start of its own index', () => {
    expect(planned(generation)).toBe('s2 2/0 2/32');
    expect(planGeneration(generation, {}, new Set())).toMatchObject({ timestamp: 70, settled: 'yes', unreachable: [] });
  });

  test('is reached from an older snapshot where the newest is not to be used', () => {
    expect(planned(generation, {}, [snapshot(2, 50).key])).toBe('s0 0/0 0/32 1/0 2/0 2/32');
  });

  test('is that before a hole, and what lies behind it is told of', () => {
    expect(planned(without(2, 0))).toBe('s0 0/0 0/32 1/0');
    const plan = planGeneration(without(1, 0), {}, new Set([snapshot(2, 50).key]));
    expect(plan?.segments.at(-1)).toMatchObject({ index: 0, offset: 32 });
    expect(plan?.unreachable).toHaveLength(2);
  });

  test('does not need what a later snapshot stands above', () => {
    expect(planned(without(1, 0))).toBe('s2 2/0 2/32');
  });

  test('ends before a segment that is not to be used, or that is empty', () => {
    expect(planned(generation, {}, [segment(2, 32, 70).key])).toBe('s2 2/0');
    const empty = { ...segment(2, 32, 70), size: bytes(0) };
    expect(planned({ ...generation, segments: [...generation.segments.slice(0, -1), empty] })).toBe('s2 2/0');
  });

  test('of a snapshot alone, where no WAL has followed it yet', () => {
    expect(planned({ name, snapshots: [snapshot(0, 10)], segments: [] })).toBe('s0');
  });

  test('is nothing where the WAL is missing that was written while the only snapshot was taken', () => {
    expect(planned({ ...without(2, 0), snapshots: [snapshot(2, 50)] })).toBeUndefined();
  });

  test('is nothing where there is no snapshot', () => {
    expect(planned({ ...generation, snapshots: [] })).toBeUndefined();
    expect(
      planned(
        generation,
        {},
        generation.snapshots.map(({ key }) => key),
      ),
    ).toBeUndefined();
  });
});

describe('a snapshot that no WAL was written after', () => {
  test('may be ahead of its WAL, so one before it that leads as far is used', () => {
    const fresh = { ...generation, snapshots: [snapshot(0, 10), snapshot(2, 80)] };
    expect(planned(fresh)).toBe('s0 0/0 0/32 1/0 2/0 2/32');
  });

  test('is used where the one before it leads less far', () => {
    const fresh = { ...without(1, 0), snapshots: [snapshot(0, 10), snapshot(2, 80)] };
    expect(planned(fresh)).toBe('s2 2/0 2/32');
    expect(planGeneration(fresh, {}, new Set())?.settled).toBe('unknown');
  });

  test('is used where there is no other', () => {
    expect(planned({ ...generation, snapshots: [snapshot(2, 80)] })).toBe('s2 2/0 2/32');
  });
});

describe('an earlier state', () => {
  test.each([
    [9, undefined],
    // The same, and no older snapshot leads to it.
    [10, undefined],
    [19, undefined],
    [20, 's0 0/0'],
    [29, 's0 0/0'],
    [30, 's0 0/0 0/32'],
    [49, 's0 0/0 0/32 1/0'],
    // The snapshot is there, the WAL that was written while it was taken is not.
    [59, 's0 0/0 0/32 1/0'],
    [60, 's2 2/0'],
    [1000, 's2 2/0 2/32'],
  ])('at time %i is %s', (timestamp, expected) => {
    expect(planned(generation, { timestamp: milliseconds(timestamp) })).toBe(expected);
  });

  test('is a snapshot alone where nothing can have been written while it was taken', () => {
    const hour = 3_600_000;
    const quiet = (next: number) => ({ ...generation, snapshots: [snapshot(2, 50)], segments: [segment(2, 0, next)] });
    const at = { timestamp: milliseconds(60) };
    expect(planned(quiet(50 + hour), at)).toBeUndefined();
    expect(planned(quiet(51 + hour), at)).toBe('s2');
    expect(planned({ ...quiet(50), segments: [segment(2, 0, 40), segment(3, 0, 61)] }, at)).toBe('s2 2/0');
    expect(planned({ ...quiet(50), segments: [segment(2, 0, 40), segment(2, 32, 61)] }, at)).toBeUndefined();
  });

  test('up to a WAL file', () => {
    expect(planned(generation, { index: 1 })).toBe('s0 0/0 0/32 1/0');
    expect(planned(generation, { index: 2 })).toBe('s2 2/0 2/32');
  });
});
