import { describe, expect, test } from 'vitest';
import { fetchRange } from '../../src/restore/fetch-range.ts';
import { bodyFromBytes } from '../../src/storage/object-body.ts';
import { MemoryStore } from '../replication/support/memory-store.ts';

const range = { start: 0, end: 10 };

async function storeThat(listens: (signal: AbortSignal) => void): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.put('key', bodyFromBytes(Buffer.alloc(10)), { createOnly: true });
  const get = store.get.bind(store);
  store.get = (key, options = {}) => {
    if (options.signal !== undefined) listens(options.signal);
    return get(key, options);
  };
  return store;
}

describe('a download that is over', () => {
  test('leaves nothing behind, though its client goes on listening to the signal', async () => {
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const seen: WeakRef<AbortSignal>[] = [];
    // A client that adds a listener for each request and never takes it away.
    const store = await storeThat((signal) => {
      seen.push(new WeakRef(signal));
      signal.addEventListener('abort', () => undefined, { once: true });
    });
    const { signal } = new AbortController();
    for (let count = 0; count < 50; count += 1) await fetchRange(store, 'key', range, signal);
    await new Promise((resolve) => setTimeout(resolve, 50));
    collect();
    await new Promise((resolve) => setTimeout(resolve, 50));
    collect();
    expect(seen).toHaveLength(50);
    // The last one or two may still be on the stack of somebody.
    expect(seen.filter((one) => one.deref() !== undefined).length).toBeLessThan(5);
  });

  test('was broken off with the reason of who did it', async () => {
    const stop = new AbortController();
    const reason = new Error('stopping');
    const store = await storeThat(() => stop.abort(reason));
    store.get = async function* () {
      stop.abort(reason);
      yield Buffer.alloc(1);
      throw new Error('closed');
    };
    await expect(fetchRange(store, 'key', range, stop.signal)).rejects.toBe(reason);
  });
});
