import fc from 'fast-check';
import lz4 from 'lz4-napi';
import { describe, expect, it } from 'vitest';
import { decodeBlock, maxBlockSize } from '../../src/ltx/lz4-block.ts';
import { decompressBlock } from '../../src/ltx/lz4-decompress.ts';
import { asFrame, buildFile, type FrameFeatures, headerOf, lz4Frame, pageOf, rawFrameOf } from './build-file.ts';
import { errorOf } from './error-of.ts';
import { noise, pageData } from './page-data.ts';
import { readFile } from './read-file.ts';

const PAGE_SIZE = 4096;
const text = Buffer.alloc(PAGE_SIZE, 'the same words again and again, with a number now and then ');
for (let at = 100; at < PAGE_SIZE; at += 300) text.write(String(at * 7919), at);
const header = headerOf({ pageSize: PAGE_SIZE });

const fileWith = (frame: Uint8Array): Uint8Array =>
  buildFile({ header, pages: [pageOf(1, text)] }, (page) => rawFrameOf(page, frame));

function refused(frame: Uint8Array, message: RegExp, code = 'LTX_INVALID'): void {
  for (const chunk of [1, 100_000]) {
    expect(errorOf(() => readFile(fileWith(frame), chunk))).toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  }
}

describe('LZ4 frames of any kind are read', () => {
  const many = [1, 15, 16, 1000, 3064];
  it.each<[string, FrameFeatures]>([
    ['as stock Litestream writes them', {}],
    ['stored', { stored: true }],
    ['in several blocks', { pieces: many }],
    ['in several stored blocks', { pieces: many, stored: true }],
    ['in blocks that refer to those before', { pieces: many, linked: true }],
    ['with block checksums', { pieces: many, blockChecksums: true }],
    ['with the content size', { contentSize: 4096n }],
    ['without a content checksum', { contentChecksum: false }],
    ['with 4 MiB blocks', { maxBlock: 7 }],
    ['with everything', { pieces: many, linked: true, blockChecksums: true, contentSize: 4096n, maxBlock: 5 }],
  ])('%s', (_, features) => {
    const file = buildFile(
      { header: headerOf({ pageSize: PAGE_SIZE, commit: 2 }), pages: [pageOf(1, text), pageOf(2, text)] },
      asFrame(features),
    );
    for (const chunk of [1, 13, file.length]) {
      expect([...readFile(file, chunk).pages.values()]).toEqual([text, text]);
    }
  });

  it('with their pieces cut anywhere', () => {
    const features = fc.record({ linked: fc.boolean(), blockChecksums: fc.boolean(), stored: fc.boolean() });
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: PAGE_SIZE - 1 }), { maxLength: 20 });
    fc.assert(
      fc.property(features, cuts, pageData(PAGE_SIZE), (chosen, places, data) => {
        const sorted = [0, ...places.sort((a, b) => a - b), PAGE_SIZE];
        const pieces = sorted.slice(1).map((end, index) => end - (sorted[index] ?? 0));
        const file = buildFile({ header, pages: [pageOf(1, data)] }, asFrame({ ...chosen, pieces }));
        expect(readFile(file, 1000).pages.get(1)).toEqual(Buffer.from(data));
      }),
    );
  });
});

describe('LZ4 frames are refused', () => {
  const changed = (at: number, value: number): Uint8Array => lz4Frame(text).with(at, value);

  it('with a dictionary', () => refused(lz4Frame(text, { dictionary: 7 }), /dictionary/));
  it('of another version, or with reserved flags', () => {
    refused(changed(4, 0x24), /flags 0x24/);
    refused(changed(4, 0x66), /flags 0x66/);
    refused(lz4Frame(text, { maxBlock: 3 }), /block size/);
    refused(changed(5, 0x41), /block size/);
  });
  it('with a wrong checksum of the header, a block, or the content', () => {
    refused(changed(6, 0), /header checksum/, 'LTX_CHECKSUM');
    const blocks = lz4Frame(text, { blockChecksums: true, contentChecksum: false });
    refused(blocks.with(-5, (blocks.at(-5) ?? 0) ^ 1), /block checksum/, 'LTX_CHECKSUM');
    refused(lz4Frame(text).with(-1, 0xff), /content checksum/, 'LTX_CHECKSUM');
  });
  it('with the content size of another page size', () =>
    refused(lz4Frame(text, { contentSize: 512n }), /content size/));
  it('with too little or too much in it', () => {
    refused(lz4Frame(text.subarray(1)), /only 4095 bytes/);
    refused(lz4Frame(new Uint8Array(0), { pieces: [] }), /only 0 bytes/);
    refused(lz4Frame(Buffer.concat([text, Uint8Array.of(1)])), /more than a page/);
    refused(lz4Frame(Buffer.concat([text, text]), { pieces: [4096, 4096] }), /more than a page/);
    refused(lz4Frame(Buffer.concat([text, text]), { stored: true }), /more than a page/);
  });
  it('that go on for ever with blocks of nothing', () => {
    const start = lz4Frame(text).subarray(0, 7);
    const nothing = Buffer.from('0100000000', 'hex');
    refused(Buffer.concat([start, ...Array.from({ length: 1000 }, () => nothing)]), /damaged/);
    refused(Buffer.concat([start, Buffer.from('00000080', 'hex'), lz4Frame(text).subarray(7)]), /block of 0 bytes/);
  });
  it('where an independent block refers to the one before', () => {
    const linked = lz4Frame(text, { pieces: [2048, 2048], linked: true });
    const flags = lz4Frame(text).subarray(0, 7);
    refused(Buffer.concat([flags, linked.subarray(7)]), /damaged/);
  });
  it('that are skippable or of the legacy format', () => {
    refused(changed(0, 0x05), /no LTX version 3 page/);
    refused(Buffer.from('02214c1800000000000000', 'hex'), /no LTX version 3 page/);
  });
});

describe('LZ4 blocks', () => {
  const decode = (block: Uint8Array, size: number): Buffer | undefined => {
    // Guard bytes around the page show a write that goes astray.
    const output = Buffer.alloc(size + 64, 0xee);
    const view = new DataView(block.buffer, block.byteOffset, block.length);
    // The way around the library and the way through it must not differ.
    const other = Buffer.alloc(size);
    const written = decompressBlock(view, 0, block.length, other, 0, size, 0);
    const end = decodeBlock(view, 0, block.length, output, 32, 32 + size, 32);
    expect(written).toBe(end < 0 ? -1 : end - 32);
    if (end >= 0) expect(other.subarray(0, written)).toEqual(output.subarray(32, end));
    expect(output.subarray(0, 32)).toEqual(Buffer.alloc(32, 0xee));
    expect(output.subarray(32 + size)).toEqual(Buffer.alloc(32, 0xee));
    return end < 0 ? undefined : output.subarray(32, end);
  };
  const byLibrary = (block: Uint8Array, size: number): Buffer | undefined => {
    const prefixed = Buffer.alloc(4 + block.length);
    prefixed.writeUInt32LE(size);
    prefixed.set(block, 4);
    try {
      return lz4.uncompressSync(prefixed);
    } catch {
      return undefined;
    }
  };
  const compress = (data: Uint8Array): Buffer => Buffer.from(lz4.compressSync(Buffer.from(data)).subarray(4));

  it('come back as they were, and never larger than the bound', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70_000 }).chain(pageData), (data) => {
        const block = compress(data);
        expect(block.length).toBeLessThanOrEqual(maxBlockSize(data.length));
        expect(decode(block, data.length)).toEqual(Buffer.from(data));
      }),
      { numRuns: 60 },
    );
  });

  it('damaged ones give exactly what the LZ4 library makes of them, within their bounds', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 15, 240, 255))), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(pageData(1024), damage, fc.nat(1100), (data, changes, size) => {
        const block = compress(data);
        for (const [at, value] of changes) block[at % block.length] = value;
        expect(decode(block, size)).toEqual(byLibrary(block, size));
      }),
      { numRuns: 2000 },
    );
  });

  it('of noise give exactly what the LZ4 library makes of them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(0xffffffff), (length, seed) => {
        const block = noise(length, seed);
        expect(decode(block, 512)).toEqual(byLibrary(block, 512));
      }),
      { numRuns: 2000 },
    );
  });
});
