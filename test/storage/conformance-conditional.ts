import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isStationError } from '../../src/errors.ts';
import { bodyFromBytes, readAll } from '../../src/storage/object-body.ts';
import type { ConditionalObject, ObjectStore, ObjectVersion } from '../../src/storage/object-store.ts';
import type { Backend } from './conformance.ts';

const text = (content: string) => Buffer.from(content);
const code = (expected: string) => expect.objectContaining({ code: expected });
const taken = code('STORAGE_ALREADY_EXISTS');

async function contentOf(object: ConditionalObject): Promise<string | undefined> {
  const found = await object.read();
  return found === undefined ? undefined : Buffer.from(found.bytes).toString();
}

/** What a store makes of compare-and-swap: the same questions for every backend. */
export function describeConditionalObject(
  places: () => { readonly backend: Backend; readonly store: ObjectStore },
): void {
  describe('compare-and-swap', () => {
    let store: ObjectStore;
    let backend: Backend;
    /** What others see there, who know of no key. */
    let clear: ObjectStore;
    beforeAll(async () => {
      ({ store, backend } = places());
      clear = (await backend.openClear?.('some/root')) ?? store;
    });
    afterAll(async () => {
      if (clear !== store) await clear.close();
    });
    /** As two processes hold it: nothing is shared but the store. */
    const clients = (key: string, count: number) => Array.from({ length: count }, () => store.conditional(key));

    it('of an object that is not there reads nothing', async () => {
      expect(await store.conditional('cas/absent').read()).toBeUndefined();
    });

    it('creates, once', async () => {
      const object = store.conditional('cas/created');
      const version = await object.write(text('first'), undefined);
      expect(await object.read()).toEqual({ bytes: text('first'), version });
      await expect(object.write(text('second'), undefined)).rejects.toEqual(taken);
      expect(await contentOf(object)).toBe('first');
    });

    it('replaces the state that was read, and refuses a stale one', async () => {
      const [one, other] = clients('cas/swapped', 2) as [ConditionalObject, ConditionalObject];
      const first = await one.write(text('first'), undefined);
      const second = await other.write(text('second'), (await other.read())?.version);
      await expect(one.write(text('stale'), first)).rejects.toEqual(taken);
      expect(await one.read()).toEqual({ bytes: text('second'), version: second });
      await one.write(text('third'), second);
      expect(await contentOf(other)).toBe('third');
    });

    it('of an object that is gone is refused', async () => {
      const object = store.conditional('cas/gone');
      const version = await object.write(text('first'), undefined);
      await store.delete(['cas/gone']);
      expect(await object.read()).toBeUndefined();
      await expect(object.write(text('second'), version)).rejects.toEqual(taken);
      expect(await object.read()).toBeUndefined();
      await object.write(text('again'), undefined);
      await expect(object.write(text('second'), version)).rejects.toEqual(taken);
      expect(await contentOf(object)).toBe('again');
    });

    it('is seen by others as a plain object, and is one', async () => {
      const object = store.conditional('cas/plain');
      const version = await object.write(text('first'), undefined);
      await object.write(text('second'), version);
      expect((await readAll(clear, 'cas/plain', 100)).toString()).toBe('second');
      const listed = (await Array.fromAsync(clear.list('cas/plain'))).map(({ key, size }) => [key, size]);
      expect(listed).toEqual([['cas/plain', 6]]);
      await clear.put('cas/put', bodyFromBytes(text('by put')), { createOnly: true });
      await expect(store.conditional('cas/put').write(text('x'), undefined)).rejects.toEqual(taken);
      const put = await store.conditional('cas/put').read();
      await store.conditional('cas/put').write(text('swapped'), put?.version);
      expect(await contentOf(store.conditional('cas/put'))).toBe('swapped');
    });

    it('names each state anew, but for stores that go by the content', async () => {
      const object = store.conditional('cas/names');
      const first = await object.write(text('same'), undefined);
      const second = await object.write(text('same'), first);
      const third = await object.write(text('other'), second);
      expect(new Set([first, second, third]).size).toBe(backend.versionsByContent === true ? 2 : 3);
    });

    it('lets one of 20 who create win', async () => {
      const attempts = clients('cas/race', 20).map((object, racer) => object.write(text(`racer ${racer}`), undefined));
      await expectOneWinner(attempts);
    });

    it('and one of 20 who replace', async () => {
      const object = store.conditional('cas/race');
      const { version } = (await object.read()) ?? {};
      const attempts = clients('cas/race', 20).map((other, racer) => other.write(text(`again ${racer}`), version));
      const winner = await expectOneWinner(attempts);
      expect(await contentOf(object)).toBe(`again ${winner}`);
    });

    it('loses none of the increments of several clients', async () => {
      const [each, hands] = [5, 3];
      await Promise.all(clients('cas/counter', hands).map((object, hand) => increment(object, `hand ${hand}`, each)));
      const lines = (await contentOf(store.conditional('cas/counter')))?.split('\n') ?? [];
      expect(lines.map((line) => line.split(' ')[0])).toEqual(
        Array.from({ length: each * hands }, (_, index) => String(index + 1)),
      );
    });

    it('reads no object that is larger than a lease may be', async () => {
      await clear.put('cas/large', bodyFromBytes(Buffer.alloc(64 * 1024)), { createOnly: true });
      expect((await store.conditional('cas/large').read())?.bytes).toHaveLength(64 * 1024);
      await clear.put('cas/larger', bodyFromBytes(Buffer.alloc(64 * 1024 + 1)), { createOnly: true });
      await expect(store.conditional('cas/larger').read()).rejects.toEqual(code('STORAGE_BROKEN'));
      const write = store.conditional('cas/too-large').write(Buffer.alloc(64 * 1024 + 1), undefined);
      await expect(write).rejects.toEqual(code('INTERNAL'));
    });

    it('rejects with the reason of an abort', async () => {
      const reason = new Error('enough');
      const signal = AbortSignal.abort(reason);
      const object = store.conditional('cas/aborted');
      await expect(object.read(signal)).rejects.toBe(reason);
      await expect(object.write(text('x'), undefined, signal)).rejects.toBe(reason);
      expect(await object.read()).toBeUndefined();
    });

    it('takes neither a missing bucket nor a refusal for an object that is not there', async () => {
      const version = await store.conditional('cas/wrong').write(text('x'), undefined);
      for (const [name, expected] of [
        ['bucket', 'STORAGE_NOT_FOUND'],
        ['secret', 'STORAGE_DENIED'],
        ['accessKey', 'STORAGE_DENIED'],
      ] as const) {
        const wrong = await backend.openWrong[name]?.();
        if (wrong === undefined) continue;
        const object = wrong.conditional('cas/wrong');
        await expect(object.read(), name).rejects.toEqual(code(expected));
        await expect(object.write(text('y'), undefined), name).rejects.toEqual(code(expected));
        await expect(object.write(text('y'), version), name).rejects.toEqual(code(expected));
        await wrong.close();
      }
    });
  });
}

/** @returns which one */
async function expectOneWinner(attempts: readonly Promise<ObjectVersion>[]): Promise<number> {
  const outcomes = await Promise.allSettled(attempts);
  const winners = outcomes.flatMap((outcome, racer) => (outcome.status === 'fulfilled' ? [racer] : []));
  const losers = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  expect(losers.map((error) => (isStationError(error) ? error.code : error))).toEqual(
    Array(19).fill('STORAGE_ALREADY_EXISTS'),
  );
  expect(winners).toHaveLength(1);
  return winners[0] ?? -1;
}

async function increment(object: ConditionalObject, hand: string, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const found = await object.read();
    const before = found === undefined ? '' : Buffer.from(found.bytes).toString();
    const next = before === '' ? 1 : before.split('\n').length + 1;
    const line = `${next} by ${hand}`;
    try {
      await object.write(text(before === '' ? line : `${before}\n${line}`), found?.version);
      done += 1;
    } catch (error) {
      if (!isStationError(error, 'STORAGE_ALREADY_EXISTS')) throw error;
    }
  }
}
