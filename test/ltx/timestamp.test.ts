import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTimestamp, parseTimestamp } from '../../src/ltx/timestamp.ts';
import { milliseconds } from '../../src/quantities.ts';

const moment = Date.UTC(2000, 9, 21, 6, 40, 50, 120);

describe('timestamps as text', () => {
  it('have three fractional digits and a Z', () => {
    expect(formatTimestamp(milliseconds(moment))).toBe('2000-10-21T06:40:50.120Z');
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }), (value) => {
        expect(parseTimestamp(formatTimestamp(milliseconds(value)))).toBe(value);
      }),
    );
  });

  it.each([
    ['2000-10-21T06:40:50.12Z', moment],
    ['2000-10-21T06:40:50.120999999Z', moment],
    ['2000-10-21T06:40:50Z', moment - 120],
    ['2000-10-21T08:10:50.12+01:30', moment],
    ['2000-10-20T22:40:50.12-08:00', moment],
    ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29)],
    ['0050-01-01T00:00:00Z', new Date('0050-01-01T00:00:00Z').getTime()],
  ])('%s is read', (text, expected) => {
    expect(parseTimestamp(text)).toBe(expected);
  });

  it.each([
    '2000-10-21',
    '2000-10-21 06:40:50Z',
    '2000-10-21T06:40:50',
    '2000-10-21T06:40:50.Z',
    '2000-13-01T00:00:00Z',
    '2001-02-29T00:00:00Z',
    '2000-10-21T24:00:00Z',
    '2000-10-21T06:60:00Z',
    '2000-10-21T06:40:50+24:00',
    'yesterday',
    '',
  ])('%j is none', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });
});
