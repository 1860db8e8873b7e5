import { describe, expect, it } from 'vitest';
import { bytes, milliseconds, txid } from '../../src/quantities.ts';
import type { ReplicaFile } from '../../src/restore/inventory.ts';
import { checkChain } from '../../src/verify/check-chain.ts';

const file = (level: number, min: number, max: number, size = 1000): ReplicaFile => ({
  key: `${level}/${min}-${max}`,
  level,
  minTxid: txid(min),
  maxTxid: txid(max),
  size: bytes(size),
  lastModified: milliseconds(0),
});
const check = (...files: ReplicaFile[]) => {
  const { gaps, leftOver, tooShort } = checkChain({ files });
  return {
    gaps: gaps.map(({ missing, behind }) => `${missing.from}-${missing.to}: ${behind.map(({ key }) => key).join(' ')}`),
    leftOver: leftOver.map(({ key }) => key),
    tooShort: tooShort.map(({ key }) => key),
  };
};
const sound = { gaps: [], leftOver: [], tooShort: [] };

describe('a chain', () => {
  it('is sound where levels overlap, and where a whole copy takes it up at a higher number', () => {
    expect(check(file(9, 1, 4), file(1, 3, 6), file(0, 5, 5), file(0, 6, 6), file(0, 7, 7))).toEqual(sound);
    expect(check(file(0, 1, 1), file(0, 2, 2), file(9, 1, 9), file(0, 10, 10))).toEqual(sound);
    expect(check()).toEqual(sound);
  });

  it('has a gap where numbers are in no file: what is behind it is one island, until the next gap', () => {
    const files = [file(9, 1, 2), file(0, 4, 4), file(0, 5, 5), file(1, 8, 9), file(0, 10, 10)];
    expect(check(...files)).toEqual({ ...sound, gaps: ['3-3: 0/4-4 0/5-5', '6-7: 1/8-9 0/10-10'] });
  });

  it('has a gap also where a later copy covers it: the moments between cannot be restored', () => {
    const files = [file(9, 1, 2), file(0, 4, 4), file(9, 1, 6), file(0, 7, 7)];
    expect(check(...files).gaps).toEqual(['3-3: 0/4-4']);
  });

  it('without a beginning is all gap; what is older than the oldest beginning is left over', () => {
    expect(check(file(0, 5, 5), file(0, 6, 6)).gaps).toEqual(['1-4: 0/5-5 0/6-6']);
    expect(check(file(0, 5, 5), file(0, 6, 6), file(9, 1, 8), file(0, 9, 9))).toEqual({
      ...sound,
      leftOver: ['0/5-5', '0/6-6'],
    });
  });

  it('does not count on a file that is shorter than any', () => {
    const files = [file(9, 1, 2), file(0, 3, 3, 40), file(0, 4, 4)];
    expect(check(...files)).toEqual({ ...sound, tooShort: ['0/3-3'], gaps: ['3-3: 0/4-4'] });
  });
});
