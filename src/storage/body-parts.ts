import { readPart } from './object-body.ts';
import type { ObjectBody } from './object-store.ts';

export interface PartLimits {
  /** Bytes of a part, unless that would make too many of them. */
  readonly partSize: number;
  readonly mostParts: number;
  /** So many on their way at the same time; each has a buffer of the size of a part. */
  readonly concurrency: number;
}

/**
 * Reads a body part by part and hands each to `put`; the first that fails stops the others. All parts but the last are of
 * one size.
 * @returns what `put` gave, in the order of the parts
 * @throws what `put` throws; the signal's reason on abort
 */
export async function putEachPart<T>(
  body: ObjectBody,
  limits: PartLimits,
  signal: AbortSignal | undefined,
  put: (index: number, content: Uint8Array, signal: AbortSignal) => Promise<T>,
): Promise<T[]> {
  const size = Math.max(limits.partSize, Math.ceil(body.size / limits.mostParts));
  const count = Math.ceil(body.size / size);
  const stop = new AbortController();
  const either = AbortSignal.any(signal === undefined ? [stop.signal] : [stop.signal, signal]);
  const given: T[] = [];
  let next = 0;
  const worker = async () => {
    // One buffer for all parts of a worker: fresh ones would pile up until the collector comes round.
    const buffer = Buffer.allocUnsafe(size);
    for (let index = next++; index < count; index = next++) {
      const end = Math.min(body.size, (index + 1) * size);
      const content = await readPart(body, index * size, end, buffer, either);
      given[index] = await put(index, content, either);
    }
  };
  const workers = Array.from({ length: Math.min(limits.concurrency, count) }, () =>
    worker().catch((error: unknown) => {
      stop.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(workers);
  either.throwIfAborted();
  return given;
}
