import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StationError } from '../../src/errors.ts';
import { bytes, milliseconds } from '../../src/quantities.ts';
import { bodyFromBytes, readAll } from '../../src/storage/object-body.ts';
import type { ObjectBody, ObjectStore } from '../../src/storage/object-store.ts';
import { describeConditionalObject } from './conformance-conditional.ts';
import { describeFaults, type Wire } from './conformance-faults.ts';
import { patternBody } from './pattern-body.ts';

/** One backend, started. What it lacks is said here, never skipped in silence. */
export interface Backend {
  /** A place nobody else uses, under the root path given. */
  open(path: string): Promise<ObjectStore>;
  /** Where what is put is encrypted: the same place without. */
  openClear?(path: string): Promise<ObjectStore>;
  /** Opens with something wrong; undefined where the backend has no such thing. */
  readonly openWrong: {
    readonly bucket?: () => Promise<ObjectStore>;
    readonly secret?: () => Promise<ObjectStore>;
    readonly accessKey?: () => Promise<ObjectStore>;
  };
  /** The provider's own words for these mistakes; S3's where nothing is said. */
  readonly words?: { readonly bucket: string; readonly secret: string };
  /** The time stock Litestream would read for this key under the root path given. */
  timestampOf(path: string, key: string): Promise<number>;
  /** Whether an empty root path is a place of its own that tests may use. */
  readonly emptyRoot: boolean;
  /** Whether two states with the same content have the same version, as where an ETag is the MD5. */
  readonly versionsByContent?: true;
  stop(): Promise<void>;
}

/** One that is reached over a network, which may fail. */
export interface RemoteBackend extends Backend {
  readonly wire: Wire;
}

const createOnly = { createOnly: true } as const;
const text = (content: string) => bodyFromBytes(Buffer.from(content));
const keysOf = async (store: ObjectStore, prefix = '', startAfter?: string) =>
  (await Array.fromAsync(store.list(prefix, startAfter === undefined ? {} : { startAfter }))).map((info) => info.key);
const code = (expected: string) => expect.objectContaining({ code: expected });

/** What every backend must do alike: the same questions, the same answers. */
export function describeObjectStore(name: string, start: () => Promise<Backend>): void {
  describeCases(name, start, () => {});
}

/** And what it must do alike when the network or the server fails. */
export function describeRemoteStore(name: string, start: () => Promise<RemoteBackend>): void {
  describeCases(name, start, (backend) => describeFaults(() => backend().wire));
}

function describeCases<Kind extends Backend>(
  name: string,
  start: () => Promise<Kind>,
  more: (backend: () => Kind) => void,
): void {
  describe(name, () => {
    let backend: Kind;
    let store: ObjectStore;
    beforeAll(async () => {
      backend = await start();
      store = await backend.open('some/root');
    });
    afterAll(async () => {
      await store.close();
      await backend.stop();
    });

    describe('put and get', () => {
      it('gives back what was put', async () => {
        const content = randomBytes(100_000);
        await store.put('roundtrip/a', bodyFromBytes(content), createOnly);
        expect(Buffer.compare(await readAll(store, 'roundtrip/a', 200_000), content)).toBe(0);
      });

      it('keeps an empty object', async () => {
        await store.put('roundtrip/empty', text(''), createOnly);
        expect(await readAll(store, 'roundtrip/empty', 1)).toHaveLength(0);
      });

      it('refuses a key that is taken, and leaves what is there', async () => {
        await store.put('taken', text('first'), createOnly);
        await expect(store.put('taken', text('second'), createOnly)).rejects.toEqual(code('STORAGE_ALREADY_EXISTS'));
        expect((await readAll(store, 'taken', 100)).toString()).toBe('first');
      });

      it('replaces where that is asked for', async () => {
        await store.put('replaced', text('first'), createOnly);
        await store.put('replaced', text('second'), { createOnly: false });
        expect((await readAll(store, 'replaced', 100)).toString()).toBe('second');
      });

      it('lets one of 20 racers win', async () => {
        const attempts = Array.from({ length: 20 }, (_, racer) =>
          store.put('race', text(`racer ${racer}`), createOnly),
        );
        const outcomes = await Promise.allSettled(attempts);
        const winners = outcomes.flatMap((outcome, racer) => (outcome.status === 'fulfilled' ? [racer] : []));
        const losers = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
        expect(winners).toHaveLength(1);
        expect(losers.map((error) => (error instanceof StationError ? error.code : error))).toEqual(
          Array(19).fill('STORAGE_ALREADY_EXISTS'),
        );
        expect((await readAll(store, 'race', 100)).toString()).toBe(`racer ${winners[0]}`);
      });

      it('carries the timestamp where stock Litestream looks for it', async () => {
        const timestamp = milliseconds(Date.UTC(2024, 1, 29, 12, 0, 0, 120));
        await store.put('timed', text('x'), { ...createOnly, timestamp });
        expect(await backend.timestampOf('some/root', 'timed')).toBe(timestamp);
      });

      it('says that a key is not there', async () => {
        await expect(readAll(store, 'absent', 10)).rejects.toEqual(code('STORAGE_NOT_FOUND'));
      });
    });

    describeConditionalObject(() => ({ backend, store }));

    describe('ranges', () => {
      const read = async (range: { start: number; end?: number }) =>
        Buffer.concat(await Array.fromAsync(store.get('digits', { range }))).toString();
      beforeAll(() => store.put('digits', text('0123456789'), createOnly));

      it('are half-open, and without an end go to the end', async () => {
        expect(await read({ start: 2, end: 5 })).toBe('234');
        expect(await read({ start: 7 })).toBe('789');
        expect(await read({ start: 0, end: 10 })).toBe('0123456789');
      });
      it('stop at the end of the object', async () => expect(await read({ start: 8, end: 100 })).toBe('89'));
      it('may be empty', async () => expect(await read({ start: 3, end: 3 })).toBe(''));
      it('that begin past the end are an error', async () => {
        await expect(read({ start: 10, end: 12 })).rejects.toEqual(code('STORAGE_BROKEN'));
      });
    });

    describe('list', () => {
      it('holds nothing where nothing was put', async () => {
        const empty = await backend.open('never/written');
        expect(await keysOf(empty)).toEqual([]);
        await empty.close();
      });

      it('gives keys in order, with size and time, within the prefix', async () => {
        for (const key of ['list/b/2', 'list/a', 'list/b/1', 'list/b-1', 'listing'])
          await store.put(key, text(key), createOnly);
        expect(await keysOf(store, 'list/')).toEqual(['list/a', 'list/b-1', 'list/b/1', 'list/b/2']);
        expect(await keysOf(store, 'list/b')).toEqual(['list/b-1', 'list/b/1', 'list/b/2']);
        const [info] = await Array.fromAsync(store.list('list/a'));
        expect(info).toMatchObject({ key: 'list/a', size: 6 });
        expect(Math.abs(Number(info?.lastModified) - Date.now())).toBeLessThan(60_000);
      });

      it('starts after a key, there or not', async () => {
        expect(await keysOf(store, 'list/', 'list/b-1')).toEqual(['list/b/1', 'list/b/2']);
        expect(await keysOf(store, 'list/', 'list/b/15')).toEqual(['list/b/2']);
        expect(await keysOf(store, 'list/', 'list/z')).toEqual([]);
      });

      it('and delete go beyond a thousand keys', async () => {
        const many = await backend.open('many');
        const keys = Array.from({ length: 2_050 }, (_, index) => `${String(index).padStart(16, '0')}.ltx`);
        for (let first = 0; first < keys.length; first += 50) {
          await Promise.all(keys.slice(first, first + 50).map((key) => many.put(key, text('x'), createOnly)));
        }
        expect(await keysOf(many)).toEqual(keys);
        expect(await keysOf(many, '', keys[1_500])).toEqual(keys.slice(1_501));
        await many.delete(keys.slice(0, 2_049));
        expect(await keysOf(many)).toEqual(keys.slice(2_049));
        await many.close();
      });
    });

    describe('delete', () => {
      it('deletes, and does not mind what is not there', async () => {
        await store.put('delete/a', text('x'), createOnly);
        await store.delete(['delete/a', 'delete/absent']);
        expect(await keysOf(store, 'delete/')).toEqual([]);
        await store.put('delete/a', text('again'), createOnly);
      });
      it('of nothing asks nothing', () => store.delete([]));
    });

    describe('root paths', () => {
      it.each(['plain', 'with space', 'a+b&c=d', "it's (odd)!*", 'ünïcödé/☃', '100%25', 'semi;colon,comma:@$'])(
        'may be %j',
        async (path) => {
          const odd = await backend.open(path);
          await odd.put('0000/key.ltx', text(path), createOnly);
          expect(await keysOf(odd)).toEqual(['0000/key.ltx']);
          expect((await readAll(odd, '0000/key.ltx', 100)).toString()).toBe(path);
          await odd.delete(['0000/key.ltx']);
          expect(await keysOf(odd)).toEqual([]);
          await odd.close();
        },
      );

      it('may be empty, where that is a place', async () => {
        const root = backend.emptyRoot ? await backend.open('') : await backend.open('not-empty');
        await root.put('0009/at-the-root', text('x'), createOnly);
        expect(await keysOf(root, '0009/at-the-root')).toEqual(['0009/at-the-root']);
        await root.delete(['0009/at-the-root']);
        await root.close();
      });
    });

    describe('large objects', () => {
      // So large that holding it stands out from what the collector leaves lying about.
      const size = 200 * 1024 * 1024;

      it('pass in bounded memory, both ways', async () => {
        const { body, digest } = patternBody(size);
        const watch = watchMemory();
        await store.put('large', body, createOnly);
        const hash = createHash('sha256');
        for await (const chunk of store.get('large')) hash.update(chunk);
        const grown = watch.stop();
        expect(hash.digest('hex')).toBe(digest());
        console.log(
          `${name}: 200 MiB put and read, resident memory grew by ${Math.round(grown / 2 ** 20)} MiB at most`,
        );
        expect(grown).toBeLessThan(size);
      });

      it('are create-only too', async () => {
        const again = store.put('large', patternBody(20 * 1024 * 1024).body, createOnly);
        await expect(again).rejects.toEqual(code('STORAGE_ALREADY_EXISTS'));
        const [info] = await Array.fromAsync(store.list('large'));
        expect(info?.size).toBe(size);
      });
    });

    describe('an abort', () => {
      it('rejects with its reason', async () => {
        const reason = new Error('enough');
        const signal = AbortSignal.abort(reason);
        await expect(store.put('aborted', text('x'), { ...createOnly, signal })).rejects.toBe(reason);
        await expect(Array.fromAsync(store.get('digits', { signal }))).rejects.toBe(reason);
        await expect(Array.fromAsync(store.list('', { signal }))).rejects.toBe(reason);
        await expect(store.delete(['digits'], signal)).rejects.toBe(reason);
      });

      it('in the middle of a body stops it', async () => {
        const controller = new AbortController();
        const reason = new Error('enough');
        const read = async () => {
          for await (const _ of store.get('large', { signal: controller.signal })) controller.abort(reason);
        };
        await expect(read()).rejects.toBe(reason);
      });
    });

    it('an upload whose source is shorter than it says fails, and puts nothing', async () => {
      const body: ObjectBody = { ...text('short'), size: bytes(10) };
      await expect(store.put('lying', body, createOnly)).rejects.toEqual(code('STAGING_FAILED'));
      expect(await keysOf(store, 'lying')).toEqual([]);
    });

    describe('what is wrong', () => {
      it('a bucket that does not exist is an error, for every operation', async () => {
        const wrong = await backend.openWrong.bucket?.();
        if (wrong === undefined) return;
        await expect(keysOf(wrong)).rejects.toEqual(code('STORAGE_NOT_FOUND'));
        await expect(readAll(wrong, 'a', 10)).rejects.toEqual(code('STORAGE_NOT_FOUND'));
        await expect(wrong.put('a', text('x'), createOnly)).rejects.toEqual(code('STORAGE_NOT_FOUND'));
        await expect(keysOf(wrong)).rejects.toThrow(new RegExp(`^${backend.words?.bucket ?? 'NoSuchBucket'}: `));
        await wrong.close();
      });

      it('a wrong secret and an unknown access key are refusals, never an empty list', async () => {
        const secret = await backend.openWrong.secret?.();
        const accessKey = await backend.openWrong.accessKey?.();
        if (secret !== undefined) {
          await expect(keysOf(secret)).rejects.toEqual(code('STORAGE_DENIED'));
          const word = backend.words?.secret ?? 'SignatureDoesNotMatch';
          await expect(secret.put('a', text('x'), createOnly)).rejects.toThrow(new RegExp(`^${word}: `));
        }
        if (accessKey !== undefined) await expect(keysOf(accessKey)).rejects.toThrow(/^InvalidAccessKeyId: /);
        await secret?.close();
        await accessKey?.close();
      });
    });

    more(() => backend);
  });
}

function watchMemory() {
  global.gc?.();
  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 20);
  return {
    stop: () => {
      clearInterval(timer);
      return most - before;
    },
  };
}
