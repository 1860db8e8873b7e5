import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Decrypter, Encrypter, generateHybridIdentity, generateIdentity, identityToRecipient } from 'age-encryption';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptStore } from '../../../src/storage/age/encrypted-store.ts';
import { PROLOGUE_SIZE, SEALED_CHUNK_SIZE } from '../../../src/storage/age/format.ts';
import { bodyFromBytes } from '../../../src/storage/object-body.ts';
import type { ObjectBody, ObjectStore } from '../../../src/storage/object-store.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import type { AgeKeys } from '../../../src/storage/store-options.ts';
import { startS3Server } from '../../servers/s3-server.ts';
import { type Backend, describeObjectStore } from '../conformance.ts';
import { s3Backend } from '../s3/backend.ts';

const identity = await generateIdentity();
const keysOf = (...identities: string[]): AgeKeys => ({ recipients: [], identities, where: 'litestream.yml:7:9' });
const createOnly = { createOnly: true } as const;
const CHUNK = 64 * 1024;

/** The same backend, everything in it encrypted; what it lacks and what it calls mistakes stays as it is. */
async function encrypted(backend: Backend): Promise<Backend> {
  const over = (store: ObjectStore) => encryptStore(store, keysOf(identity));
  const wrong = Object.entries(backend.openWrong).map(([name, open]) => [name, async () => over(await open())]);
  return {
    ...backend,
    open: async (path) => over(await backend.open(path)),
    openClear: (path) => backend.open(path),
    openWrong: Object.fromEntries(wrong),
  };
}

describeObjectStore('an encrypted folder', async () => {
  const base = await mkdtemp(join(tmpdir(), 'encrypted-store-'));
  return encrypted({
    open: (path) => openStore({ type: 'file', path: join(base, path) }),
    openWrong: {},
    timestampOf: async (path, key) => (await stat(join(base, path, key))).mtimeMs,
    emptyRoot: false,
    stop: () => rm(base, { recursive: true, force: true }),
  });
});

describeObjectStore('our S3 server, encrypted', async () => {
  const server = await startS3Server();
  return encrypted(await s3Backend(server, { stop: () => server.stop() }));
});

let folder: string;
let plain: ObjectStore;
let store: ObjectStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encrypted-store-'));
  plain = await openStore({ type: 'file', path: folder });
  store = await encryptStore(plain, keysOf(identity));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const read = async (of: ObjectStore, key: string, range?: { start: number; end?: number }) =>
  Buffer.concat(await Array.fromAsync(of.get(key, range === undefined ? {} : { range })));
const sizeOf = async (of: ObjectStore, key: string) => (await Array.fromAsync(of.list(key)))[0]?.size;

describe('what is stored', () => {
  it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 777])(
    'is an age file that its own library decrypts: %i bytes',
    async (size) => {
      const content = randomBytes(size);
      await store.put(`interop-${size}`, bodyFromBytes(content), createOnly);
      const stored = await readFile(join(folder, `interop-${size}`));
      const decrypter = new Decrypter();
      decrypter.addIdentity(identity);
      expect(Buffer.compare(await decrypter.decrypt(stored), content)).toBe(0);
      expect(await sizeOf(store, `interop-${size}`)).toBe(size);
      // A single byte is found in any cipher text sooner or later.
      if (size >= 16) expect(stored.indexOf(content.subarray(0, 16))).toBe(-1);
    },
  );

  it('can be read by each recipient, whatever the kind, and its size is known without reading it', async () => {
    const others = [await generateIdentity(), await generateHybridIdentity()];
    const recipients = await Promise.all([identity, ...others].map((one) => identityToRecipient(one)));
    const shared = await encryptStore(plain, { recipients, identities: [identity], where: 'a:1:1' });
    await shared.put('shared', bodyFromBytes(Buffer.from('for three')), createOnly);
    for (const one of others) {
      const theirs = await encryptStore(plain, keysOf(one));
      expect((await read(theirs, 'shared')).toString()).toBe('for three');
      expect(await sizeOf(theirs, 'shared')).toBe(9);
    }
  });

  it('gives a store that asks for parts, or asks again, the same bytes', async () => {
    const bodies: ObjectBody[] = [];
    const put = async (_: string, body: ObjectBody) => void bodies.push(body);
    const content = randomBytes(2 * CHUNK + 99);
    await (await encryptStore({ ...plain, put }, keysOf(identity))).put('a', bodyFromBytes(content), createOnly);
    const [body] = bodies;
    if (body === undefined) throw new Error('nothing was put');
    const whole = Buffer.concat(await Array.fromAsync(body.open()));
    expect(whole).toHaveLength(body.size);
    const position = fc.nat({ max: body.size });
    await fc.assert(
      fc.asyncProperty(position, position, async (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        const part = Buffer.concat(await Array.fromAsync(body.open({ start, end })));
        expect(Buffer.compare(part, whole.subarray(start, end))).toBe(0);
      }),
    );
  });
});

describe('a range', () => {
  const content = randomBytes(4 * CHUNK + 1234);
  beforeAll(async () => {
    await store.put('ranges', bodyFromBytes(content), createOnly);
    await store.put('full-chunks', bodyFromBytes(content.subarray(0, 2 * CHUNK)), createOnly);
  });

  it.each([
    ['ranges', content.length],
    ['full-chunks', 2 * CHUNK],
  ])(
    'of %s is the same bytes as of the content, on a store that knows the key and on one that does not',
    async (key, size) => {
      const boundary = fc.tuple(fc.nat({ max: 4 }), fc.integer({ min: -2, max: 2 }));
      const near = boundary.map(([chunk, by]) => Math.min(Math.max(chunk * CHUNK + by, 0), size - 1));
      const start = fc.oneof(fc.nat({ max: size - 1 }), near);
      const end = fc.option(fc.oneof(fc.nat({ max: size + CHUNK }), near), { nil: undefined });
      await fc.assert(
        fc.asyncProperty(start, end, fc.boolean(), async (from, to, fresh) => {
          const asked = fresh ? await encryptStore(plain, keysOf(identity)) : store;
          const got = await read(asked, key, to === undefined ? { start: from } : { start: from, end: to });
          expect(Buffer.compare(got, content.subarray(from, Math.max(from, Math.min(to ?? size, size))))).toBe(0);
        }),
        { numRuns: 150 },
      );
    },
  );

  it.each([
    ['ranges', content.length],
    ['full-chunks', 2 * CHUNK],
  ])('past the end of %s is refused in the words of all stores', async (key, size) => {
    for (const start of [size, size + 1, size + 3 * CHUNK]) {
      await expect(read(store, key, { start })).rejects.toThrow(/^InvalidRange: /);
    }
  });

  it('of an object written anew by another is that of the new one', async () => {
    await store.put('renewed', bodyFromBytes(randomBytes(3 * CHUNK)), createOnly);
    await read(store, 'renewed', { start: 2 * CHUNK });
    const other = await encryptStore(plain, keysOf(identity));
    const renewed = randomBytes(3 * CHUNK);
    await other.put('renewed', bodyFromBytes(renewed), { createOnly: false });
    expect(Buffer.compare(await read(store, 'renewed', { start: 2 * CHUNK }), renewed.subarray(2 * CHUNK))).toBe(0);
  });
});

describe('a key that does not fit', () => {
  it('is a refusal that says so, for the whole and for a range', async () => {
    await store.put('0000/a.ltx', bodyFromBytes(randomBytes(2 * CHUNK)), createOnly);
    const stranger = await encryptStore(plain, keysOf(await generateIdentity()));
    for (const range of [undefined, { start: 0, end: 100 }, { start: 2 * CHUNK - 8 }]) {
      await expect(read(stranger, '0000/a.ltx', range)).rejects.toMatchObject({
        code: 'STORAGE_DENIED',
        message: expect.stringContaining('no key of "age.identities" fits'),
      });
    }
  });

  it('a former one still reads what was written for it', async () => {
    const next = await generateIdentity();
    await store.put('before', bodyFromBytes(Buffer.from('old')), createOnly);
    const recipients = [await identityToRecipient(next)];
    const renewed = await encryptStore(plain, { recipients, identities: [next, identity], where: 'a:1:1' });
    await renewed.put('after', bodyFromBytes(Buffer.from('new')), createOnly);
    expect((await read(renewed, 'before')).toString()).toBe('old');
    await expect(read(store, 'after')).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
  });

  it('recipients without any identity that could read them are a mistake in the config, with its place', async () => {
    const recipients = [await identityToRecipient(await generateIdentity())];
    const opening = encryptStore(plain, { recipients, identities: [identity], where: 'litestream.yml:7:9' });
    await expect(opening).rejects.toMatchObject({
      code: 'CONFIG_VALUE',
      message: expect.stringMatching(/^litestream\.yml:7:9: (?!.*AGE-SECRET-KEY)/),
    });
  });

  it('more recipients than a header holds are a mistake in the config', async () => {
    const recipients = await Promise.all(
      [identity, ...Array.from({ length: 50 }, () => identity)].map((one) => identityToRecipient(one)),
    );
    await expect(encryptStore(plain, { recipients, identities: [identity], where: 'a:1:1' })).rejects.toMatchObject({
      code: 'CONFIG_VALUE',
      message: expect.stringContaining('too many'),
    });
  });
});

describe('an object that is none of ours', () => {
  const denied = (message: string) => ({ code: 'STORAGE_DENIED', message: expect.stringContaining(message) });

  it('is refused as not encrypted, and listed with its size', async () => {
    await plain.put('plain.ltx', bodyFromBytes(Buffer.from(`LTX1${'x'.repeat(500)}`)), createOnly);
    await expect(read(store, 'plain.ltx', { start: 0, end: 100 })).rejects.toMatchObject(denied('is not encrypted'));
    expect(await sizeOf(store, 'plain.ltx')).toBe(504);
  });

  it('is refused where another program encrypted it', async () => {
    const encrypter = new Encrypter();
    encrypter.addRecipient(await identityToRecipient(identity));
    for (const size of [50, 10_000]) {
      const file = await encrypter.encrypt(randomBytes(size));
      await plain.put(`foreign-${size}.ltx`, bodyFromBytes(file), createOnly);
      await expect(read(store, `foreign-${size}.ltx`)).rejects.toMatchObject(denied('another program'));
    }
  });
});

describe('damage', () => {
  const names = async (change: (stored: Buffer) => Buffer, key: string) => {
    await store.put(key, bodyFromBytes(randomBytes(3 * CHUNK)), createOnly);
    await writeFile(join(folder, key), change(await readFile(join(folder, key))));
    return key;
  };
  const flipped = (at: number) => (stored: Buffer) => {
    stored[at] = (stored[at] ?? 0) ^ 1;
    return stored;
  };

  it.each([
    ['a bit in a chunk', 'LTX_CHECKSUM', flipped(PROLOGUE_SIZE + SEALED_CHUNK_SIZE + 5)],
    ['a bit in the nonce', 'LTX_CHECKSUM', flipped(PROLOGUE_SIZE - 1)],
    ['a bit in the header', 'LTX_CHECKSUM', flipped(PROLOGUE_SIZE / 2)],
    ['a beginning of zeros', 'LTX_INVALID', (stored: Buffer) => stored.fill(0, 0, 512)],
    [
      'an end between chunks',
      'LTX_TRUNCATED',
      (stored: Buffer) => stored.subarray(0, PROLOGUE_SIZE + SEALED_CHUNK_SIZE),
    ],
    ['an end within a chunk', 'LTX_CHECKSUM', (stored: Buffer) => stored.subarray(0, -7)],
    ['an end after the header', 'LTX_TRUNCATED', (stored: Buffer) => stored.subarray(0, PROLOGUE_SIZE)],
    ['an end within the header', 'LTX_TRUNCATED', (stored: Buffer) => stored.subarray(0, 1_000)],
    ['an empty file', 'LTX_TRUNCATED', (stored: Buffer) => stored.subarray(0, 0)],
  ])('%s is found, and is damage of that file', async (name, code, change) => {
    const key = await names(change, `damaged/${name.replaceAll(' ', '-')}.ltx`);
    await expect(read(store, key)).rejects.toMatchObject({ code, message: expect.stringContaining(key) });
  });

  it('elsewhere does not keep a range from being read', async () => {
    const key = await names(flipped(PROLOGUE_SIZE + SEALED_CHUNK_SIZE + 5), 'damaged/elsewhere.ltx');
    expect(await read(store, key, { start: 0, end: CHUNK })).toHaveLength(CHUNK);
    expect(await read(store, key, { start: 3 * CHUNK - 8 })).toHaveLength(8);
    await expect(read(store, key, { start: CHUNK, end: CHUNK + 1 })).rejects.toMatchObject({ code: 'LTX_CHECKSUM' });
  });
});
