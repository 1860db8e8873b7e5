import { setTimeout as pause } from 'node:timers/promises';
import type { ObjectStore } from '../storage/object-store.ts';

/** The longest rest after one piece, in milliseconds. */
const LONGEST = 250;

/**
 * A store whose readers rest as long as they work: after each piece that was read, as much time passes as was spent on it.
 * So what reads in the background leaves half of a processor, and of the line, to others. Everything else passes as it is.
 */
export function paceReads(store: ObjectStore): ObjectStore {
  return {
    url: store.url,
    layout: store.layout,
    put: (key, body, options) => store.put(key, body, options),
    async *get(key, options) {
      let given = performance.now();
      for await (const chunk of store.get(key, options)) {
        await pause(Math.min(LONGEST, performance.now() - given), undefined, { signal: options?.signal });
        given = performance.now();
        yield chunk;
      }
    },
    list: (prefix, options) => store.list(prefix, options),
    delete: (keys, signal) => store.delete(keys, signal),
    conditional: (key) => store.conditional(key),
    close: () => store.close(),
    ...(store.decryptLegacy && { decryptLegacy: store.decryptLegacy }),
  };
}
