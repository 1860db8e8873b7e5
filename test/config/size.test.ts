import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSize, parseSize } from '../../src/config/size.ts';
import { bytes } from '../../src/quantities.ts';

describe('a size', () => {
  it.each([
    ['1048576', 1_048_576],
    ['100B', 100],
    ['64MB', 64_000_000],
    ['64M', 64_000_000],
    ['1GiB', 1_073_741_824],
    ['1Gi', 1_073_741_824],
    ['1.5 gb', 1_500_000_000],
    ['5 MiB', 5_242_880],
    ['0', 0],
  ])('%s is %d bytes', (text, expected) => {
    expect(parseSize(text)).toBe(expected);
  });

  it.each(['', 'MB', '-1', '1iB', '1 XB', '1e9', '99999PB', '1,000'])('%j is none', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });

  it('is written so that it reads back the same', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 45), (value) => {
        expect(parseSize(formatSize(bytes(value)))).toBe(value);
      }),
    );
  });
});
