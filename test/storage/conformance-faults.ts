import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { readAll } from '../../src/storage/object-body.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { StoreSettings } from '../../src/storage/open-store.ts';
import type { HttpAnswer, HttpFaultProxy } from '../servers/http-fault-proxy.ts';
import { createOnly, hasty, impatient, text } from './impatient.ts';
import { patternBody } from './pattern-body.ts';

/** What lies between us and a store's server, and how this provider words what goes wrong there. */
export interface Wire {
  readonly proxy: HttpFaultProxy;
  /** A store behind the proxy. */
  open(path: string, settings: StoreSettings): Promise<ObjectStore>;
  /** As the provider writes a refusal. */
  refusal(status: number, word: string): HttpAnswer;
  readonly words: {
    /** Each with its status. */
    readonly busy: readonly [readonly [number, string], ...(readonly [number, string])[]];
    readonly internal: readonly [number, string];
    readonly expired: readonly [number, string];
  };
  /** What becomes of a request by a clock that is 20 minutes ahead, or behind. `unnoticed`: nobody compares. */
  readonly clock: { readonly ahead: ClockVerdict; readonly behind: ClockVerdict };
}

type ClockVerdict = 'corrected' | 'unnoticed' | { readonly refusedAs: string };

const unreachable = { code: 'STORAGE_UNREACHABLE' };
const WRITES = ['PUT', 'POST'];
/** Several parts, blocks or chunks wherever bodies are cut, and more than a socket holds. */
const LARGE = 3 * 1024 * 1024 + 17;
/** One part, block or chunk. */
const SMALL = 60 * 1024;

/** What every backend with a network must do alike when that network, or the server, fails. */
export function describeFaults(wireOf: () => Wire): void {
  let stores: ObjectStore[] = [];
  let wire: Wire;
  let counter = 0;
  beforeAll(() => {
    wire = wireOf();
  });
  afterEach(async () => {
    vi.useRealTimers();
    wire.proxy.heal();
    await Promise.all(stores.map((store) => store.close()));
    stores = [];
  });
  afterAll(() => wire.proxy.stop());

  /** In a place of its own. */
  const opened = async (settings: StoreSettings = {}) => {
    counter += 1;
    const store = await wire.open(`faults/${counter}`, { ...impatient, ...settings });
    stores.push(store);
    return store;
  };
  const operations = (store: ObjectStore) => ({
    put: () => store.put('b', text('x'), createOnly),
    'large put': () => store.put('c', patternBody(LARGE).body, createOnly),
    get: () => Array.fromAsync(store.get('a')),
    list: () => Array.fromAsync(store.list('')),
    delete: () => store.delete(['a']),
  });
  const answered = (status: number, word: string, headers: Readonly<Record<string, string>> = {}) => {
    const answer = wire.refusal(status, word);
    return { kind: 'answer', answer: { ...answer, headers: { ...answer.headers, ...headers } } } as const;
  };

  describe('an answer that got lost', () => {
    it('is unreachable, and the object may be there', async () => {
      const store = await opened({ attempts: 1 });
      wire.proxy.spoil({ kind: 'lost-answer' }, { methods: WRITES });
      await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject(unreachable);
      wire.proxy.heal();
      expect((await readAll(store, 'a', 10)).toString()).toBe('x');
    });

    it('and tried again within the operation is "already there": only reading back tells', async () => {
      const store = await opened();
      wire.proxy.spoil({ kind: 'lost-answer' }, { methods: WRITES, times: 1 });
      await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
      expect((await readAll(store, 'a', 10)).toString()).toBe('x');
    });
  });

  describe('an upload that is reset half way', () => {
    it.each([
      ['in one piece', SMALL],
      ['in several', LARGE],
    ])('(%s) is tried again, and what arrives is what was given', async (_, size) => {
      const store = await opened();
      const { body } = patternBody(size);
      wire.proxy.spoil({ kind: 'half-request' }, { methods: WRITES, times: 1 });
      await store.put('a', body, createOnly);
      const expected = Buffer.concat(await Array.fromAsync(body.open()));
      expect(Buffer.compare(await readAll(store, 'a', size), expected)).toBe(0);
    });

    it('again and again is an error, and puts nothing', async () => {
      const store = await opened();
      wire.proxy.spoil({ kind: 'half-request' }, { methods: WRITES });
      await expect(store.put('a', patternBody(SMALL).body, createOnly)).rejects.toMatchObject(unreachable);
      wire.proxy.heal();
      expect(await Array.fromAsync(store.list(''))).toEqual([]);
    });
  });

  describe('a download', () => {
    it('that is reset half way goes on where it stopped', async () => {
      const store = await opened();
      const { body } = patternBody(LARGE);
      await store.put('a', body, createOnly);
      wire.proxy.requests.length = 0;
      wire.proxy.spoil({ kind: 'half-answer' }, { methods: ['GET'], times: 2 });
      const expected = Buffer.concat(await Array.fromAsync(body.open()));
      expect(Buffer.compare(await readAll(store, 'a', LARGE), expected)).toBe(0);
      const reads = wire.proxy.requests.filter(({ method }) => method === 'GET');
      const starts = reads.map(({ headers }) => {
        const range = headers['range'] ?? headers['x-ms-range'] ?? 'bytes=0-';
        return Number(/^bytes=(\d+)-/.exec(`${range}`)?.[1]);
      });
      expect(starts).toHaveLength(3);
      expect(starts).toEqual(starts.toSorted((one, other) => one - other));
      expect(new Set(starts).size).toBe(3);
    });

    it('that is reset again and again is an error, never a short object', async () => {
      const store = await opened();
      await store.put('a', text('short'), createOnly);
      wire.proxy.spoil({ kind: 'half-answer' }, { methods: ['GET'] });
      await expect(readAll(store, 'a', 10)).rejects.toMatchObject(unreachable);
    });

    it('does not go on with another object', async () => {
      const store = await opened();
      await store.put('a', patternBody(LARGE).body, createOnly);
      wire.proxy.spoil({ kind: 'half-answer' }, { methods: ['GET'], times: 1 });
      const read = async () => {
        let replaced = false;
        for await (const _ of store.get('a')) {
          if (!replaced) await store.put('a', patternBody(LARGE).body, { createOnly: false });
          replaced = true;
        }
      };
      await expect(read()).rejects.toMatchObject({ code: 'STORAGE_BROKEN' });
    });

    it('may be slow, as long as something comes', async () => {
      const store = await opened();
      await store.put('a', patternBody(SMALL).body, createOnly);
      wire.proxy.requests.length = 0;
      wire.proxy.spoil({ kind: 'slow', bytesPerSecond: 60_000 }, { methods: ['GET'] });
      expect(await readAll(store, 'a', SMALL)).toHaveLength(SMALL);
      expect(wire.proxy.requests).toHaveLength(1);
    });
  });

  describe('a server that', () => {
    it('hangs does not hang us', async () => {
      const store = await opened({ ...hasty, attempts: 1 });
      // Also where the connection was used before.
      await store.put('a', text('x'), createOnly);
      wire.proxy.spoil({ kind: 'hang' });
      const all = Object.values(operations(store)).map((operation) => operation());
      for (const one of await Promise.allSettled(all)) {
        expect(one).toMatchObject({ status: 'rejected', reason: unreachable });
      }
    });

    it('nobody listens at is unreachable, and good again when it is', async () => {
      const store = await opened();
      await store.put('a', text('x'), createOnly);
      await wire.proxy.close();
      for (const operation of Object.values(operations(store))) {
        const message = expect.stringMatching(/^(ECONNREFUSED|ECONNRESET): /);
        await expect(operation()).rejects.toMatchObject({ ...unreachable, message });
      }
      await wire.proxy.listen();
      await store.put('b', text('x'), createOnly);
    });

    it('fails once is tried again; one that fails always is unreachable, in its own words', async () => {
      const store = await opened();
      const [status, word] = wire.words.internal;
      wire.proxy.spoil(answered(status, word), { methods: WRITES, times: 1 });
      await store.put('a', text('x'), createOnly);
      wire.proxy.spoil(answered(status, word));
      for (const operation of Object.values(operations(store))) {
        const message = expect.stringMatching(new RegExp(`^${word}: `));
        await expect(operation()).rejects.toMatchObject({ ...unreachable, message });
      }
    });

    it('is busy once is tried again; one that is busy always has throttled us, in its own words', async () => {
      const store = await opened();
      for (const [status, word] of wire.words.busy) {
        wire.proxy.spoil(answered(status, word, { 'retry-after': '1' }), { methods: WRITES, times: 1 });
        const begun = performance.now();
        await store.put(`${status} ${word}`, text('x'), createOnly);
        expect(performance.now() - begun, 'it asked for a second').toBeGreaterThan(900);
        wire.proxy.spoil(answered(status, word));
        const message = expect.stringMatching(new RegExp(`^${word}: `));
        await expect(operations(store).put()).rejects.toMatchObject({ code: 'STORAGE_THROTTLED', message });
      }
    });

    it('wants us to wait for an hour is left to the caller, who may have another store', async () => {
      const store = await opened();
      const [[status, word]] = wire.words.busy;
      wire.proxy.spoil(answered(status, word, { 'retry-after': '3600' }));
      await expect(operations(store).put()).rejects.toMatchObject({ code: 'STORAGE_THROTTLED' });
    });
  });

  it('credentials that have expired are a refusal, and the same store works when they count again', async () => {
    const store = await opened();
    await store.put('a', text('x'), createOnly);
    const [status, word] = wire.words.expired;
    wire.proxy.spoil(answered(status, word));
    for (const operation of Object.values(operations(store))) {
      const message = expect.stringMatching(new RegExp(`^${word}: `));
      await expect(operation()).rejects.toMatchObject({ code: 'STORAGE_DENIED', message, hint: expect.any(String) });
    }
    wire.proxy.heal();
    for (const operation of Object.values(operations(store))) await operation();
  });

  it.each([
    ['ahead', 20],
    ['behind', -20],
  ] as const)('a clock that is 20 minutes %s is corrected, or named', async (side, minutes) => {
    const verdict = wire.clock[side];
    // Of this process alone: the servers have another clock.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * 60_000 });
    const store = await opened();
    wire.proxy.requests.length = 0;
    if (typeof verdict === 'string') {
      await store.put('a', text('x'), createOnly);
      const asked = wire.proxy.requests.filter(({ method }) => WRITES.includes(method));
      expect(asked).toHaveLength(verdict === 'corrected' ? 2 : 1);
      expect((await readAll(store, 'a', 10)).toString()).toBe('x');
      return;
    }
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: expect.stringMatching(new RegExp(`^${verdict.refusedAs}: `)),
      hint: expect.stringContaining('clock'),
    });
  });
}
