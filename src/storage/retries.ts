import { setTimeout as pause } from 'node:timers/promises';
import { isStationError, type StationError } from '../errors.ts';

/** A store that wants us to wait for longer than this is left to the caller, who may have another one. */
const LONGEST_WAIT = 5_000;

export interface Retries {
  readonly attempts: number;
  readonly signal: AbortSignal | undefined;
  /** Anything `once` threw, as one of ours. Only STORAGE_UNREACHABLE and STORAGE_THROTTLED are worth another attempt. */
  errorOf(error: unknown): StationError;
  /** The store's Retry-After, in milliseconds: 0 where it asks for none. */
  waitAskedBy(error: unknown): number;
  /** Called after a failure; true: something was renewed, and the next attempt is not one of those allowed. */
  renew?(error: unknown): boolean;
}

/** Attempts of one request, as far apart as the store asks for, else twice as long each time, from 100 ms. @throws what `errorOf` gives; the signal's reason on abort */
export async function withRetries<Result>(once: () => Promise<Result>, retries: Retries): Promise<Result> {
  const { attempts, signal } = retries;
  for (let failures = 0; ; ) {
    try {
      signal?.throwIfAborted();
      return await once();
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      if (retries.renew?.(error) === true) continue;
      failures += 1;
      const wait = Math.max(retries.waitAskedBy(error), 50 * 2 ** failures);
      const given = retries.errorOf(error);
      const passes = isStationError(given, 'STORAGE_UNREACHABLE', 'STORAGE_THROTTLED');
      if (!passes || failures >= attempts || wait > LONGEST_WAIT) throw given;
      // An abort ends the wait; the next attempt finds it, and rejects with its reason.
      await pause(wait, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    }
  }
}

/** Milliseconds that a `Retry-After` of seconds asks for. A date, which no store sends, counts as none. */
export function waitOf(retryAfter: string | undefined): number {
  const seconds = Number(retryAfter ?? 0);
  return Number.isNaN(seconds) ? 0 : seconds * 1_000;
}
