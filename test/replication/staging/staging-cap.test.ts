import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, milliseconds, txid } from '../../../src/quantities.ts';
import type { StagedFile } from '../../../src/replication/staging/staged-files.ts';
import { planStaging, type StagingReader } from '../../../src/replication/staging/staging-cap.ts';

function files(from: number, to: number, size = 10): readonly StagedFile[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({
    level: 0 as const,
    path: `/staging/${from + index}`,
    minTxid: txid(from + index),
    maxTxid: txid(from + index),
    size: bytes(size),
    timestamp: milliseconds(0),
    fileChecksum: '',
  }));
}

const answering = (at: number | undefined): StagingReader => ({
  position: at === undefined ? undefined : txid(at),
  wantsSnapshot: false,
  reachable: true,
});
const unreachable = (at: number | undefined): StagingReader => ({
  position: at === undefined ? undefined : txid(at),
  wantsSnapshot: false,
  reachable: false,
});
const numbers = (list: readonly StagedFile[]) => list.map((file) => file.maxTxid as number);

describe('what leaves the staging folder', () => {
  it('is what every replica holds, but never the file a replica ends at', () => {
    const plan = planStaging(files(1, 10), [answering(7), answering(9)], bytes(1_000));
    expect(numbers(plan.finished)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(plan.dropped).toEqual([]);
  });

  it('is never the newest file, even with no replica at all', () => {
    expect(numbers(planStaging(files(1, 3), [], bytes(1_000)).finished)).toEqual([1, 2]);
  });

  it('is nothing while a replica has not said what it holds', () => {
    expect(planStaging(files(1, 10), [answering(10), unreachable(undefined)], bytes(1_000)).finished).toEqual([]);
  });

  it('past the cap is the oldest that only an unreachable replica lacks', () => {
    const plan = planStaging(files(1, 10), [answering(10), unreachable(2)], bytes(50));
    expect(numbers(plan.finished)).toEqual([1]);
    expect(numbers(plan.dropped)).toEqual([2, 3, 4, 5]);
  });

  it('past the cap is nothing that a replica which answers still waits for', () => {
    expect(planStaging(files(1, 10), [answering(1), unreachable(1)], bytes(50)).dropped).toEqual([]);
  });

  it('never strands a replica that answers, and never the newest file', () => {
    const reader = fc.record({
      position: fc.option(fc.integer({ min: 0, max: 20 }).map(txid), { nil: undefined }),
      reachable: fc.boolean(),
      wantsSnapshot: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(reader, { maxLength: 4 }), fc.integer({ min: 0, max: 300 }), (readers, cap) => {
        const plan = planStaging(files(1, 20), readers, bytes(cap));
        const gone = new Set([...numbers(plan.finished), ...numbers(plan.dropped)]);
        expect(gone.has(20)).toBe(false);
        for (const { position, reachable } of readers) {
          if (!reachable) continue;
          for (let number = (position ?? 0) + 1; number <= 20; number += 1) expect(gone.has(number)).toBe(false);
        }
      }),
    );
  });
});
