import { describe, expect, test } from 'vitest';
import { formatLogfmt } from '../../src/observe/logfmt.ts';

/** Each pair was written by Go 1.26's `slog.NewTextHandler`. */
const asGoWritesIt: readonly (readonly [string, string])[] = [
  ['INFO', 'INFO'],
  ['/data/station.db', '/data/station.db'],
  ['write wal segment', '"write wal segment"'],
  ['', '""'],
  ['a=b', '"a=b"'],
  ['say "hi"', '"say \\"hi\\""'],
  ['C:\\temp', 'C:\\temp'],
  ['C:\\my temp', '"C:\\\\my temp"'],
  ['two\nlines', '"two\\nlines"'],
  ['\t\r\v\f\b\u0007', '"\\t\\r\\v\\f\\b\\a"'],
  ['\u0000\u001b', '"\\x00\\x1b"'],
  ['\u007f', '\u007f'],
  ['a \u007f', '"a \\x7f"'],
  ['café', 'café'],
  ['日本', '日本'],
  ['⚠️', '⚠️'],
  ['a\u00a0b', '"a\\u00a0b"'],
  ['\u200b', '"\\u200b"'],
  ['😀', '😀'],
  ['\u{e0001}', '"\\U000e0001"'],
  ['\ufffd', '"\ufffd"'],
];

describe('a value is quoted as Go quotes it', () => {
  test.each(asGoWritesIt)('%j', (value, expected) => {
    expect(formatLogfmt([['key', value]])).toBe(`key=${expected}`);
  });
});

test('fields keep their order; numbers and truth are bare; a key is quoted like a value', () => {
  const line = formatLogfmt([
    ['b', 1],
    ['a', true],
    ['odd key', 'x'],
  ]);
  expect(line).toBe('b=1 a=true "odd key"=x');
});

test('takes time in proportion to the length', () => {
  // A pattern of overlapping alternatives once took 2^n steps for n letters before the first space.
  const text = `${'a'.repeat(200_000)} é`;
  expect(formatLogfmt([['key', text]])).toBe(`key="${text}"`);
});
