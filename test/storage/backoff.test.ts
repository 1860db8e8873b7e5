import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { milliseconds } from '../../src/quantities.ts';
import { backoffDelay, drainBackoff, steadyBackoff } from '../../src/storage/backoff.ts';

describe('backoff', () => {
  it('doubles from one second and stops at a minute', () => {
    const delays = [1, 2, 3, 6, 7, 100].map((failures) => backoffDelay(failures, steadyBackoff, 0.999_999));
    expect(delays).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000]);
  });

  it('never waits less than half nor more than the whole of a step', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 0.999_999, noNaN: true }),
        (failures, random) => {
          const delay = backoffDelay(failures, steadyBackoff, random);
          const step = Math.min(60_000, 1_000 * 2 ** Math.min(failures - 1, 30));
          expect(delay).toBeGreaterThanOrEqual(step / 2);
          expect(delay).toBeLessThanOrEqual(step);
        },
      ),
    );
  });

  it('tries again within a second during the drain', () => {
    expect(backoffDelay(20, drainBackoff, 0.5)).toBeLessThanOrEqual(milliseconds(1_000));
  });
});
