import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFileName, formatTxid, parseFileName, parseTxid } from '../../src/ltx/file-name.ts';
import { txid } from '../../src/quantities.ts';

describe('TXIDs as text', () => {
  it('are 16 lowercase hexadecimal digits', () => {
    expect(formatTxid(txid(1000))).toBe('00000000000003e8');
    expect(parseTxid('00000000000003e8')).toBe(1000);
  });

  it.each([
    '3e8',
    '00000000000003E8',
    '0x000000000003e8',
    ' 0000000000003e8',
    '00000000000003e8\n',
    '0020000000000000',
  ])('%j is none', (text) => {
    expect(parseTxid(text)).toBeUndefined();
  });
});

describe('file names', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (min, max) => {
        const name = formatFileName(txid(min), txid(max));
        expect(name).toMatch(/^[0-9a-f]{16}-[0-9a-f]{16}\.ltx$/);
        expect(parseFileName(name)).toEqual({ minTxid: min, maxTxid: max });
      }),
    );
  });

  it.each([
    '0000000000000001-000000000000000A.ltx',
    '0000000000000001-0000000000000002.ltx.tmp',
    '0000000000000001-0000000000000002',
    '0000000000000001.ltx',
    'x0000000000000001-0000000000000002.ltx',
    '0000000000000001-ffffffffffffffff.ltx',
    '',
  ])('%j is none', (name) => {
    expect(parseFileName(name)).toBeUndefined();
  });
});
