import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { xxh32 } from '../../../src/ltx/xxh32.ts';
import { decompressFrames } from '../../../src/restore/legacy/decompress.ts';
import { RunningXxh32 } from '../../../src/restore/legacy/running-xxh32.ts';
import { type FrameFeatures, lz4Frame } from '../../ltx/build-file.ts';
import { noise } from '../../ltx/page-data.ts';

const text = Buffer.alloc(300_000, 'the same words again and again, with a number now and then ');
for (let at = 100; at < text.length; at += 300) text.write(String(at * 7919), at);

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  // One memory for all, as downloads have: what is kept of a chunk must have been copied.
  const memory = Buffer.alloc(size);
  for (let start = 0; start < bytes.length; start += size) {
    const chunk = memory.subarray(0, Math.min(size, bytes.length - start));
    chunk.set(bytes.subarray(start, start + size));
    yield chunk;
  }
}

async function decompress(frames: Uint8Array, chunk = 1 << 20): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of decompressFrames(inChunks(frames, chunk), 'an object')) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

const piecesOf = (size: number) =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, index) => Math.min(size, text.length - index * size));

describe('frames of any kind, in chunks of any size', () => {
  test.each<[string, FrameFeatures]>([
    ['as Litestream 0.3 writes them', { maxBlock: 7 }],
    ['in blocks of 64 KiB', { pieces: piecesOf(65_536) }],
    ['in blocks that refer to those before', { pieces: piecesOf(50_000), linked: true }],
    ['in stored blocks', { pieces: piecesOf(65_536), stored: true }],
    ['with every checksum and the size', { pieces: piecesOf(9_999), blockChecksums: true, contentSize: 300_000n }],
    ['without a checksum', { maxBlock: 7, contentChecksum: false }],
  ])('%s', async (_, features) => {
    const frame = lz4Frame(text, features);
    for (const chunk of [7, 1000, 1 << 20]) expect((await decompress(frame, chunk)).equals(text)).toBe(true);
  });

  test('one after the other, and one that holds nothing', async () => {
    const empty = lz4Frame(Buffer.alloc(0), { pieces: [] });
    expect(await decompress(empty)).toHaveLength(0);
    const both = Buffer.concat([lz4Frame(text, { maxBlock: 7 }), empty, lz4Frame(text, { maxBlock: 7 })]);
    expect((await decompress(both)).equals(Buffer.concat([text, text]))).toBe(true);
  });
});

describe('a frame that is not what was written', () => {
  const content = Buffer.concat([text.subarray(0, 3_000), noise(2_000, 1)]);
  const frame = Buffer.from(lz4Frame(content, { maxBlock: 7 }));

  test('with any bit turned, is refused by name', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(frame.length - 1), fc.nat(7), async (at, bit) => {
        const changed = Buffer.from(frame);
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
        const error = { code: 'LEGACY_DAMAGED', message: expect.stringContaining('an object') };
        await expect(decompress(changed)).rejects.toMatchObject(error);
      }),
    );
  });

  test('cut short anywhere, is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(frame.length - 1), async (end) => {
        await expect(decompress(frame.subarray(0, end))).rejects.toMatchObject({ code: 'LEGACY_DAMAGED' });
      }),
    );
  });

  test('with something behind it, is refused', async () => {
    await expect(decompress(Buffer.concat([frame, noise(40, 2)]))).rejects.toMatchObject({ code: 'LEGACY_DAMAGED' });
  });

  test('that asks for more than its blocks may hold, takes no memory for it', async () => {
    const changed = Buffer.from(frame);
    changed.writeUInt32LE(0x7fffffff, 7);
    await expect(decompress(changed)).rejects.toThrow('too large');
  });
});

test('a running checksum is that of the whole, however it is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 70 }), { maxLength: 8 }), (pieces) => {
      const running = new RunningXxh32();
      for (const piece of pieces) running.add(piece);
      expect(running.value).toBe(xxh32(Buffer.concat(pieces)));
    }),
  );
});
