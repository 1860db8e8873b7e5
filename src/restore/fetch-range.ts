import { isStationError, StationError } from '../errors.ts';
import { milliseconds } from '../quantities.ts';
import { type BackoffLimits, backoffDelay } from '../storage/backoff.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { noteGarbage } from '../tight-heap.ts';
import { wait } from '../waiting.ts';

/** How long a download is kept up against a store that fails. */
interface Patience {
  /** Failures in a row, without one byte between them, after which the store's error is thrown. */
  readonly failures: number;
  /** A body that gives nothing for so many milliseconds is dropped and asked for again. */
  readonly stall: number;
  readonly backoff: BackoffLimits;
}

/** About half a minute of a store that is down. */
const defaultPatience: Patience = {
  failures: 10,
  stall: 20_000,
  backoff: { first: milliseconds(200), most: milliseconds(5_000) },
};

/** An object that ends early, or a range refused as past its end, is believed after so many tries. */
const SHORT_ANSWERS = 3;

/**
 * Bytes `start` to `end` of an object, resumed where a body is cut off.
 * @param options.into memory to use, of that size or more
 * @returns fewer bytes where the object itself ends earlier
 * @throws StationError STORAGE_NOT_FOUND and STORAGE_DENIED at once, the others when `patience` is used up; the
 *   signal's reason on abort
 */
export async function fetchRange(
  store: ObjectStore,
  key: string,
  range: { readonly start: number; readonly end: number },
  signal: AbortSignal,
  options: { readonly patience?: Patience; readonly into?: Uint8Array } = {},
): Promise<Uint8Array> {
  const { patience = defaultPatience } = options;
  const size = range.end - range.start;
  const target = options.into?.subarray(0, size) ?? new Uint8Array(size);
  let filled = 0;
  let failures = 0;
  let shortAnswers = 0;
  while (filled < target.byteLength) {
    const before = filled;
    let failure: unknown;
    try {
      for await (const chunk of openBody(store, key, range.start + filled, range.end, signal, patience.stall)) {
        const part = chunk.subarray(0, target.byteLength - filled);
        target.set(part, filled);
        filled += part.byteLength;
        noteGarbage(part.byteLength);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!isStationError(error, 'STORAGE_UNREACHABLE', 'STORAGE_THROTTLED', 'STORAGE_BROKEN')) throw error;
      failure = error;
    }
    if (filled === target.byteLength) break;
    failures = filled > before ? 1 : failures + 1;
    shortAnswers = failure === undefined || isPastEnd(failure) ? shortAnswers + 1 : 0;
    if (shortAnswers >= SHORT_ANSWERS && filled === before) return target.subarray(0, filled);
    if (failures >= patience.failures && failure !== undefined) throw failure;
    await wait(backoffDelay(failures, patience.backoff, Math.random()), signal);
  }
  return target;
}

/** The provider's own word for a range that begins where the object has already ended. */
function isPastEnd(failure: unknown): boolean {
  return isStationError(failure, 'STORAGE_BROKEN') && failure.message.includes('InvalidRange');
}

async function* openBody(
  store: ObjectStore,
  key: string,
  start: number,
  end: number,
  signal: AbortSignal,
  stall: number,
): AsyncGenerator<Uint8Array> {
  // Not AbortSignal.any: a listener that a client leaves on such a signal keeps it and all it holds for good, and with
  // thousands of files that was tens of megabytes.
  const body = new AbortController();
  const abort = () => body.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const giveUp = () => {
    const message = `${store.url}/${key}: nothing arrived for ${stall / 1000} s`;
    body.abort(new StationError('STORAGE_UNREACHABLE', message));
  };
  const timer = setTimeout(giveUp, stall);
  try {
    for await (const chunk of store.get(key, { range: { start, end }, signal: body.signal })) {
      timer.refresh();
      yield chunk;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
