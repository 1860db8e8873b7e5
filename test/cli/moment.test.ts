import { expect, it } from 'vitest';
import { parseMoment } from '../../src/cli/moment.ts';

const halfPastTwo = Date.UTC(2026, 0, 15, 14, 30);

it.each(['2026-01-15T14:30:00Z', '2026-01-15t14:30:00z', '2026-01-15 14:30:00+00:00', ' 2026-01-15T15:30:00+01:00 '])(
  'parseMoment takes "%s"',
  (text) => expect(parseMoment(text)).toBe(halfPastTwo),
);

it.each([
  ['2026-01-15T14:30:00', '2026-01-15T14:30:00Z for UTC, or with an offset, as in 2026-01-15T14:30:00+02:00'],
  ['2026-01-15 14:30:00.5', '2026-01-15T14:30:00.5Z for UTC'],
  ['2026-01-15', '2026-01-15T00:00:00Z for UTC'],
  ['2026-02-30', 'write date, time and offset'],
  ['1768487400', 'write date, time and offset'],
  ['yesterday', 'write date, time and offset'],
])('parseMoment refuses %s, and says what to write instead', (text, hint) => {
  expect(() => parseMoment(text)).toThrow(
    expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining(hint) }),
  );
});
