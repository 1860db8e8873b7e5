import { describe, expect, it } from 'vitest';
import { milliseconds, txid } from '../../../src/quantities.ts';
import { wishDueAt, wishedAbove } from '../../../src/replication/sync/snapshot-wish.ts';

const now = milliseconds(1_000);

describe('a snapshot that is wished for', () => {
  it('ends above what every replica asks for, in whatever order they ask', () => {
    const [low, high] = [txid(3), txid(9)];
    expect(wishedAbove(wishedAbove(undefined, low), high).above).toBe(9);
    expect(wishedAbove(wishedAbove(undefined, high), low).above).toBe(9);
  });

  it('is due at once', () => {
    expect(wishDueAt(wishedAbove(undefined, txid(0)), now)).toBe(1_000);
  });

  it('waits after a try that failed, also where another replica asks meanwhile', () => {
    const failed = { ...wishedAbove(undefined, txid(3)), failures: 1, notBefore: milliseconds(5_000) };
    expect(wishDueAt(wishedAbove(failed, txid(9)), now)).toBe(5_000);
    expect(wishDueAt(failed, milliseconds(6_000))).toBe(6_000);
  });

  it('waits for a commit where there was no database to take it of', () => {
    expect(wishDueAt({ ...wishedAbove(undefined, txid(0)), waits: 'for-a-commit' }, now)).toBeUndefined();
  });
});
