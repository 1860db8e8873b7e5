import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytes } from '../../src/quantities.ts';
import type { ObjectBody, ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { limitUploadRate } from '../../src/storage/rate-limited-store.ts';
import { describeObjectStore } from './conformance.ts';

const KIB = 1024;
/** Of pieces: more than will ever be asked for. */
const MANY = 1_000_000;

describeObjectStore('a folder with a limit that is not reached', async () => {
  const base = await mkdtemp(join(tmpdir(), 'rate-limited-store-'));
  return {
    open: async (path) => limitUploadRate(await openStore({ type: 'file', path: join(base, path) }), bytes(2 ** 40)),
    openWrong: {},
    timestampOf: async (path, key) => (await stat(join(base, path, key))).mtimeMs,
    emptyRoot: false,
    stop: () => rm(base, { recursive: true, force: true }),
  };
});

let folder: string;
let inner: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rate-limited-store-'));
  inner = await openStore({ type: 'file', path: folder });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** `count` pieces of 1 KiB, and how many of them have been asked for. */
function pieces(count: number): { readonly body: ObjectBody; readonly asked: () => number } {
  let asked = 0;
  return {
    asked: () => asked,
    body: {
      size: bytes(count * KIB),
      async *open() {
        for (let index = 0; index < count; index += 1) {
          asked += 1;
          yield Buffer.alloc(KIB, index);
        }
      },
    },
  };
}

/** 1 KiB at once, and then as good as none. */
const stuck = () => limitUploadRate(inner, bytes(KIB), () => 0 as never);

async function until(condition: () => boolean): Promise<void> {
  for (const giveUp = Date.now() + 20_000; !condition(); await sleep(5)) {
    if (Date.now() > giveUp) throw new Error('in vain');
  }
}

describe('an upload with a limit', () => {
  it('takes as long as its bytes are due, and arrives whole', async () => {
    const store = limitUploadRate(inner, bytes(20 * KIB));
    const before = performance.now();
    await store.put('a', pieces(28).body, { createOnly: true });
    // 20 KiB pass at once, 8 KiB at 20 KiB a second.
    expect(performance.now() - before).toBeGreaterThan(390);
    expect((await readFile(join(folder, 'a'))).length).toBe(28 * KIB);
  });

  it('shares the limit with the others of the same store', async () => {
    const store = limitUploadRate(inner, bytes(20 * KIB));
    const before = performance.now();
    await Promise.all(['a', 'b', 'c', 'd'].map((key) => store.put(key, pieces(7).body, { createOnly: true })));
    expect(performance.now() - before).toBeGreaterThan(390);
  });

  it('reads no further than it may send', async () => {
    const store = stuck();
    const { body, asked } = pieces(MANY);
    const abort = new AbortController();
    const putting = store.put('a', body, { createOnly: true, signal: abort.signal });
    putting.catch(() => {});
    await until(() => asked() >= 2);
    await sleep(50);
    expect(asked()).toBe(2);
    abort.abort(new Error('over'));
    await expect(putting).rejects.toThrow('over');
  });

  it('ends at once with the reason of an abort, and leaves nothing behind', async () => {
    const store = stuck();
    const { body, asked } = pieces(MANY);
    const abort = new AbortController();
    const putting = store.put('a', body, { createOnly: true, signal: abort.signal });
    putting.catch(() => {});
    await until(() => asked() >= 2);
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(putting).rejects.toBe(reason);
    expect(await Array.fromAsync(inner.list(''))).toEqual([]);
  });

  it('goes on at once when the limit is lifted, and so does what comes after', async () => {
    const store = stuck();
    const { body, asked } = pieces(5000);
    const putting = store.put('a', body, { createOnly: true });
    await until(() => asked() >= 2);
    store.liftUploadLimit?.();
    await putting;
    await store.put('b', pieces(5000).body, { createOnly: true });
    expect((await Array.fromAsync(inner.list(''))).map(({ size }) => size)).toEqual([5000 * KIB, 5000 * KIB]);
  });
});
