import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, milliseconds } from '../../src/quantities.ts';
import { fullBucket, take } from '../../src/storage/token-bucket.ts';

const limit = { rate: bytes(1000), burst: bytes(1000) };
const at = milliseconds;

describe('a token bucket', () => {
  it('lets its burst pass at once, and what is over it wait as long as the rate says', () => {
    const first = take(fullBucket(limit, at(0)), 1000, limit, at(0));
    expect(first.wait).toBe(0);
    expect(take(first.bucket, 500, limit, at(0)).wait).toBe(500);
  });

  it('fills again while nothing passes, up to its burst', () => {
    const { bucket } = take(fullBucket(limit, at(0)), 1000, limit, at(0));
    expect(take(bucket, 500, limit, at(500)).wait).toBe(0);
    expect(take(bucket, 1500, limit, at(3_600_000)).wait).toBe(500);
  });

  it('lets those who wait at the same time wait one behind the other', () => {
    const first = take(fullBucket(limit, at(0)), 2000, limit, at(0));
    const second = take(first.bucket, 2000, limit, at(0));
    expect([first.wait, second.wait]).toEqual([1000, 3000]);
  });

  it('is not deceived by a clock that stands still or goes back', () => {
    const { bucket } = take(fullBucket(limit, at(5000)), 1000, limit, at(5000));
    expect(take(bucket, 100, limit, at(0)).wait).toBe(100);
  });

  it('never lets more pass by any time than the burst and the rate, whatever the pieces and the pauses', () => {
    const piece = fc.record({ size: fc.integer({ min: 1, max: 70_000 }), pause: fc.integer({ min: 0, max: 5000 }) });
    const limits = fc.record({
      rate: fc.integer({ min: 1, max: 100_000 }),
      burst: fc.integer({ min: 1, max: 100_000 }),
    });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 50 }), limits, (pieces, { rate, burst }) => {
        const bounds = { rate: bytes(rate), burst: bytes(burst) };
        let bucket = fullBucket(bounds, at(0));
        let now = 0;
        let sent = 0;
        for (const { size, pause } of pieces) {
          now += pause;
          const taken = take(bucket, size, bounds, at(now));
          bucket = taken.bucket;
          now += taken.wait;
          sent += size;
          expect(sent).toBeLessThanOrEqual(burst + (rate * now) / 1000 + 1e-6);
        }
      }),
    );
  });
});
