import { describe, expect, it } from 'vitest';
import { txid } from '../../src/quantities.ts';
import { levelPrefix, ltxKey, parseLtxKey } from '../../src/storage/key-layout.ts';

describe('where stock Litestream keeps its files', () => {
  it('in folders: ltx/LEVEL/MIN-MAX.ltx', () => {
    expect(levelPrefix('folder', 9)).toBe('ltx/9/');
    expect(ltxKey('folder', 0, txid(10), txid(255))).toBe('ltx/0/000000000000000a-00000000000000ff.ltx');
  });

  it('on S3: LEVEL/MIN-MAX.ltx, the level in four digits', () => {
    expect(levelPrefix('s3', 9)).toBe('0009/');
    expect(ltxKey('s3', 0, txid(10), txid(255))).toBe('0000/000000000000000a-00000000000000ff.ltx');
  });
});

describe('reading a key back', () => {
  it.each(['folder', 's3'] as const)('gives what it was made of (%s)', (layout) => {
    const key = { level: 3, minTxid: txid(1), maxTxid: txid(2 ** 53 - 1) };
    expect(parseLtxKey(layout, ltxKey(layout, key.level, key.minTxid, key.maxTxid))).toEqual(key);
  });

  it.each([
    ['folder', 'lock.json'],
    ['folder', '0000/0000000000000001-0000000000000001.ltx'],
    ['folder', 'ltx/0/0000000000000001-0000000000000001.ltx.tmp'],
    ['folder', 'ltx/10/0000000000000001-0000000000000001.ltx'],
    ['folder', 'ltx/0/sub/0000000000000001-0000000000000001.ltx'],
    ['s3', 'ltx/0/0000000000000001-0000000000000001.ltx'],
    ['s3', '0000/000000000000000A-000000000000000B.ltx'],
    ['s3', 'generations/0123456789abcdef/snapshots/00000000.snapshot.lz4'],
  ] as const)('passes by what names no LTX file (%s, %s)', (layout, key) => {
    expect(parseLtxKey(layout, key)).toBeUndefined();
  });
});
