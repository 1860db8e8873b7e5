/** Age files as other programs write them, against the library that the format's author keeps. */
import { Encrypter, generateHybridIdentity, generateIdentity, identityToRecipient } from 'age-encryption';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decryptForeign } from '../../../src/storage/age/foreign.ts';
import { openAgeCipher } from '../../../src/storage/age/header.ts';

const identity = await generateIdentity();
const cipher = await openAgeCipher({ recipients: [], identities: [identity], where: 'litestream.yml' });
const other = await identityToRecipient(await generateIdentity());

async function encrypt(content: Uint8Array, recipients: readonly string[]): Promise<Buffer> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return Buffer.from(await encrypter.encrypt(content));
}

async function decrypt(sealed: Uint8Array, chunk = 70_000): Promise<Buffer> {
  async function* chunks() {
    for (let start = 0; start < sealed.length; start += chunk) yield sealed.subarray(start, start + chunk);
  }
  return Buffer.concat(await Array.fromAsync(decryptForeign(cipher, chunks(), 'an object')));
}

const own = await identityToRecipient(identity);
const content = Buffer.alloc(200_000, 'what was written ');

describe('is read', () => {
  test.each([0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])('with %i bytes, in chunks of any size', async (size) => {
    const sealed = await encrypt(content.subarray(0, size), [own]);
    for (const chunk of [1_000, 65_552, 1 << 20]) {
      expect((await decrypt(sealed, chunk)).equals(content.subarray(0, size))).toBe(true);
    }
  });

  test('for many recipients, also of the post-quantum kind, with a header longer than ours', async () => {
    const hybrid = await identityToRecipient(await generateHybridIdentity());
    const sealed = await encrypt(content, [hybrid, ...Array.from({ length: 60 }, () => other)]);
    await expect(decrypt(sealed)).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
    const ours = await encrypt(content, [...Array.from({ length: 60 }, () => other), own]);
    expect((await decrypt(ours, 100)).equals(content)).toBe(true);
  });
});

describe('is refused', () => {
  test('where no identity fits, by a code that is never taken for damage', async () => {
    const error = { code: 'STORAGE_DENIED', message: expect.stringContaining('an object is encrypted for other keys') };
    await expect(decrypt(await encrypt(content, [other]))).rejects.toMatchObject(error);
  });

  test('cut short anywhere, also between two chunks', async () => {
    const sealed = await encrypt(content, [own]);
    const header = sealed.indexOf('\n', sealed.indexOf('\n--- ') + 1) + 1 + 16;
    const ends = fc.oneof(fc.nat(sealed.length - 1), fc.constantFrom(header, header + 65_552, header + 2 * 65_552));
    await fc.assert(
      fc.asyncProperty(ends, async (end) => {
        await expect(decrypt(sealed.subarray(0, end))).rejects.toMatchObject({ code: 'LEGACY_DAMAGED' });
      }),
    );
  });

  test('with any bit of its nonce or its content turned', async () => {
    const sealed = await encrypt(content, [own]);
    const header = sealed.indexOf('\n', sealed.indexOf('\n--- ') + 1) + 1;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: header, max: sealed.length - 1 }), fc.nat(7), async (at, bit) => {
        const changed = Buffer.from(sealed);
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
        await expect(decrypt(changed)).rejects.toMatchObject({ code: 'LEGACY_DAMAGED' });
      }),
    );
  });

  test('with a header that has no end, without reading on for ever', async () => {
    async function* endless() {
      yield Buffer.from('age-encryption.org/v1\n');
      for (;;) yield Buffer.alloc(50_000, '-> X25519 AAAA\n');
    }
    await expect(Array.fromAsync(decryptForeign(cipher, endless(), 'an object'))).rejects.toThrow(/without an end/);
  });
});
