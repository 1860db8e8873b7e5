/**
 * How a WAL file stands to the one before it, as their first salts tell:
 * - `next`: it follows at once.
 * - `anew`: no word on it. SQLite draws a new salt where a WAL was truncated, or deleted.
 * - `missing`: it is a later one. Litestream 0.3 leaves one out where the database was checkpointed twice behind its back.
 * - `earlier`: the two are not what their names say.
 */
export type WalOrder = 'next' | 'anew' | 'missing' | 'earlier';

/** The salt rises by one each time SQLite begins a WAL anew; farther apart than this, it was drawn: once in 30,000 times it is not. */
const FARTHEST = 65_536;

/** @param before first salt of the WAL file before; undefined: unknown */
export function walOrder(before: number | undefined, salt: number | undefined): WalOrder {
  if (before === undefined || salt === undefined) return 'anew';
  const step = (salt - before) | 0;
  if (step === 1) return 'next';
  if (Math.abs(step) > FARTHEST) return 'anew';
  return step > 0 ? 'missing' : 'earlier';
}
