import { type Bytes, type Milliseconds, milliseconds } from '../quantities.ts';

/** What may pass at a time, and how fast it comes back. */
export interface RateLimit {
  /** Bytes a second. */
  readonly rate: Bytes;
  /** Bytes that may pass at once after a quiet time. */
  readonly burst: Bytes;
}

/** A bucket as it was at one moment. Below zero it is in debt: what passed is still to be paid for by waiting. */
export interface TokenBucket {
  readonly tokens: number;
  readonly at: Milliseconds;
}

export const fullBucket = (limit: RateLimit, now: Milliseconds): TokenBucket => ({ tokens: limit.burst, at: now });

/**
 * Takes `size` bytes out of the bucket at `now` (a monotonic clock), and says how long to wait before they pass.
 *
 * Debts add up, so that those who wait at the same time wait one behind the other, and the bytes that passed in any time
 * `t` are at most `burst + rate · t` and the piece that is passing, however large the pieces are.
 */
export function take(
  bucket: TokenBucket,
  size: number,
  limit: RateLimit,
  now: Milliseconds,
): { readonly bucket: TokenBucket; readonly wait: Milliseconds } {
  const passed = Math.max(0, now - bucket.at);
  const tokens = Math.min(limit.burst, bucket.tokens + (passed * limit.rate) / 1000) - size;
  const wait = milliseconds(tokens < 0 ? Math.ceil((-tokens * 1000) / limit.rate) : 0);
  return { bucket: { tokens, at: milliseconds(bucket.at + passed) }, wait };
}
