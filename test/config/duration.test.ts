import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../src/config/duration.ts';
import { milliseconds } from '../../src/quantities.ts';

describe('a duration in Go’s syntax', () => {
  it.each([
    ['10s', 10_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['500ms', 500],
    ['24h', 86_400_000],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['1000000ns', 1],
    ['.5s', 500],
    ['0', 0],
    ['-1s', -1000],
    ['+2m', 120_000],
  ])('%s is %d ms', (text, expected) => {
    expect(parseDuration(text)).toBeCloseTo(expected, 9);
  });

  it.each(['', '10', 's', '1d', '1w', '10 s', '1h 30m', '1e3s', 'h1', '--1s', '9999999999999h', 'NaNs'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it('is written so that it reads back the same', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), (value) => {
        expect(parseDuration(formatDuration(milliseconds(value)))).toBe(value);
      }),
    );
  });

  it('is written in the unit a person would take', () => {
    expect([86_400_000, 5_400_000, 10_000, 1500, 0].map((value) => formatDuration(milliseconds(value)))).toEqual([
      '24h',
      '90m',
      '10s',
      '1500ms',
      '0s',
    ]);
  });
});
