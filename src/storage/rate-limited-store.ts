import { setTimeout as pause } from 'node:timers/promises';
import { type Bytes, type Milliseconds, milliseconds } from '../quantities.ts';
import type { ObjectBody, ObjectStore, PutOptions } from './object-store.ts';
import { fullBucket, type RateLimit, take } from './token-bucket.ts';

const monotonic = (): Milliseconds => milliseconds(performance.now());

/**
 * A store whose uploads together read at most `rate` bytes a second of what they send, and up to one second's worth at
 * once after a quiet time, so that small commits on a quiet line are not slowed. Everything else passes as it is.
 *
 * What is limited is the reading of the bodies. A cloud's store sends a part once it is read, so the line sees parts (of
 * 8 MiB, unless set) with pauses between them; what it tries again by itself is not counted twice.
 *
 * `liftUploadLimit` ends the limit for good, also for uploads that wait. The drain calls it: there the time is what
 * counts, and its limit on the time of one upload (`UploadAttempt`) knows of no other limit.
 */
export function limitUploadRate(store: ObjectStore, rate: Bytes, monotonicClock = monotonic): ObjectStore {
  const limit: RateLimit = { rate, burst: rate };
  const lifted = new AbortController();
  let bucket = fullBucket(limit, monotonicClock());

  /** Returns when `size` more bytes may pass; at once after an abort or when the limit is lifted. */
  async function pass(size: number, wake: AbortSignal): Promise<void> {
    if (wake.aborted) return;
    const taken = take(bucket, size, limit, monotonicClock());
    bucket = taken.bucket;
    if (taken.wait > 0) await pause(taken.wait, undefined, { signal: wake }).catch(() => {});
  }

  function limited(body: ObjectBody, signal: AbortSignal | undefined): ObjectBody {
    const wake = signal === undefined ? lifted.signal : AbortSignal.any([lifted.signal, signal]);
    return {
      size: body.size,
      async *open(range) {
        for await (const chunk of body.open(range)) {
          await pass(chunk.byteLength, wake);
          signal?.throwIfAborted();
          yield chunk;
        }
      },
    };
  }

  return {
    url: store.url,
    layout: store.layout,
    put: (key: string, body: ObjectBody, options: PutOptions) => store.put(key, limited(body, options.signal), options),
    get: (key, options) => store.get(key, options),
    list: (prefix, options) => store.list(prefix, options),
    delete: (keys, signal) => store.delete(keys, signal),
    conditional: (key) => store.conditional(key),
    close: () => store.close(),
    ...(store.decryptLegacy && { decryptLegacy: store.decryptLegacy }),
    liftUploadLimit: () => {
      lifted.abort();
      store.liftUploadLimit?.();
    },
  };
}
