import type { Milliseconds } from '../quantities.ts';

/** Whether a line may be written now, and if so, how many of its kind were held back since the last one. */
type Admission = { readonly admitted: true; readonly heldBack: number } | { readonly admitted: false };

export interface RateLimit {
  /** `key` names what repeats (a replica's error); `now` is any clock in milliseconds that does not jump. */
  admit(key: string, now: Milliseconds): Admission;
  /** Forgets the key, so that its next line is admitted at once: what it complained of is over. */
  forget(key: string): void;
}

/**
 * At most one line per key and interval (30 s for a replica's errors): a store that is down for an hour is told of,
 * not sung of. Keys are few and named by the config, so they are never thrown away.
 */
export function rateLimited(interval: Milliseconds): RateLimit {
  const keys = new Map<string, { admittedAt: Milliseconds; heldBack: number }>();
  return {
    admit(key, now) {
      const last = keys.get(key);
      if (last !== undefined && now - last.admittedAt < interval) {
        last.heldBack += 1;
        return { admitted: false };
      }
      keys.set(key, { admittedAt: now, heldBack: 0 });
      return { admitted: true, heldBack: last?.heldBack ?? 0 };
    },
    forget: (key) => void keys.delete(key),
  };
}
