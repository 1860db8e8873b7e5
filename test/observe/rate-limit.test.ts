import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rateLimited } from '../../src/observe/rate-limit.ts';
import { milliseconds } from '../../src/quantities.ts';

const interval = milliseconds(30_000);
const at = milliseconds;

test('one line per key and interval; the next one says how many were held back', () => {
  const limit = rateLimited(interval);
  expect(limit.admit('s3', at(0))).toEqual({ admitted: true, heldBack: 0 });
  expect(limit.admit('s3', at(1))).toEqual({ admitted: false });
  expect(limit.admit('s3', at(29_999))).toEqual({ admitted: false });
  expect(limit.admit('gcs', at(29_999))).toEqual({ admitted: true, heldBack: 0 });
  expect(limit.admit('s3', at(30_000))).toEqual({ admitted: true, heldBack: 2 });
});

test('a key that is forgotten is admitted at once', () => {
  const limit = rateLimited(interval);
  limit.admit('s3', at(0));
  limit.forget('s3');
  expect(limit.admit('s3', at(1))).toEqual({ admitted: true, heldBack: 0 });
});

test('never two admitted lines within an interval, and none is lost from the count', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 20_000 }), { minLength: 1 }), (pauses) => {
      const limit = rateLimited(interval);
      let now = 0;
      let last = Number.NEGATIVE_INFINITY;
      let counted = 0;
      let held = 0;
      for (const pause of pauses) {
        now += pause;
        const admission = limit.admit('key', at(now));
        if (admission.admitted) {
          expect(now - last).toBeGreaterThanOrEqual(interval);
          expect(admission.heldBack).toBe(held);
          last = now;
          held = 0;
        } else held += 1;
        counted += 1;
      }
      expect(counted).toBe(pauses.length);
    }),
  );
});
