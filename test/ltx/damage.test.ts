import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStationError } from '../../src/errors.ts';
import { LtxDecoder } from '../../src/ltx/decoder.ts';
import { asBlock, asFrame, buildFile, headerOf, type PageEncoding, pageOf } from './build-file.ts';
import { noise } from './page-data.ts';
import { type DecodedFile, readFile } from './read-file.ts';

const text = Buffer.alloc(512, 'some text that repeats itself; ');
const images = [text, new Uint8Array(512), noise(512, 5), Buffer.concat([noise(200, 6), text.subarray(0, 312)])];
const encodings: readonly (readonly [string, PageEncoding])[] = [
  ['frames', asFrame()],
  ['blocks', asBlock],
  ['frames of every feature', asFrame({ pieces: [100, 412], linked: true, blockChecksums: true, contentSize: 512n })],
];

function fileOf(encoding: PageEncoding): Buffer {
  const pages = images.map((image, index) => pageOf(index + 1, image));
  return Buffer.from(buildFile({ header: headerOf({ commit: images.length }), pages }, encoding));
}

/** Reads a damaged file: undefined if it was refused with an error that says so. Any other error passes through. */
function tryToRead(file: Uint8Array, chunkSize?: number): DecodedFile | undefined {
  try {
    return readFile(file, chunkSize);
  } catch (error) {
    if (isStationError(error, 'LTX_INVALID', 'LTX_TRUNCATED', 'LTX_CHECKSUM')) return undefined;
    throw error;
  }
}

/** Damage either is seen, or did no harm: some bits of an LZ4 sequence can be either way. */
function expectSeenOrHarmless(damaged: Uint8Array, sound: DecodedFile, chunkSize?: number): void {
  const read = tryToRead(damaged, chunkSize);
  if (read === undefined) return;
  expect(read.header).toEqual(sound.header);
  expect(read.pages).toEqual(sound.pages);
}

describe.each(encodings)('a damaged file in %s', (_, encoding) => {
  const file = fileOf(encoding);
  const sound = readFile(file);

  it('is told from a whole one wherever it is cut off', () => {
    for (let length = 0; length < file.length; length += 1) {
      expect(() => readFile(file.subarray(0, length))).toThrow(expect.objectContaining({ code: 'LTX_TRUNCATED' }));
    }
  });

  it('is refused for any single bit', () => {
    for (let bit = 0; bit < file.length * 8; bit += 1) {
      const damaged = Buffer.from(file);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expectSeenOrHarmless(damaged, sound);
    }
  });

  it('is refused for any bytes that changed, got lost, or came in between', () => {
    const change = fc.record({
      at: fc.nat(file.length - 1),
      lost: fc.nat(40),
      put: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 700 }),
        (changes, chunk) => {
          let damaged: Buffer = file;
          for (const { at, lost, put } of changes) {
            damaged = Buffer.concat([damaged.subarray(0, at), put, damaged.subarray(at + lost)]);
          }
          expectSeenOrHarmless(damaged, sound, chunk);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('bytes that are no LTX file', () => {
  it('are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(tryToRead(bytes)).toBeUndefined();
        expect(tryToRead(Buffer.concat([fileOf(asBlock).subarray(0, 100), bytes]))).toBeUndefined();
      }),
    );
  });
});

describe('memory', () => {
  const grown = (action: () => void): number => {
    const before = process.memoryUsage().arrayBuffers;
    action();
    return process.memoryUsage().arrayBuffers - before;
  };

  it('is not taken for what a file claims to hold', () => {
    const header = headerOf({ pageSize: 65536, commit: 0xffffffff, min: 2 });
    const claim = Buffer.concat([
      buildFile({ header, pages: [] }).subarray(0, 100),
      Buffer.from('00000001000100010000', 'hex'),
    ]);
    expect(grown(() => void new LtxDecoder().push(claim))).toBeLessThan(1e6);
  });

  it('is a page frame and a chunk while one page arrives byte by byte', () => {
    const header = headerOf({ pageSize: 65536 });
    const file = buildFile({ header, pages: [pageOf(1, noise(65536, 9))] });
    const use = grown(() => {
      const decoder = new LtxDecoder();
      for (let at = 0; at < file.length; at += 1) decoder.push(file.subarray(at, at + 1));
      expect(decoder.finish().pages).toBe(1);
    });
    expect(use).toBeLessThan(2e6);
  });

  it('does not grow with the number of pages taken in batches', () => {
    const pages = Array.from({ length: 20_000 }, (_, index) => pageOf(index + 1, new Uint8Array(512)));
    const file = buildFile({ header: headerOf({ commit: pages.length }), pages });
    const use = grown(() => {
      const decoder = new LtxDecoder();
      decoder.feed(file);
      while (decoder.take(65536).length > 0);
      expect(decoder.finish().pages).toBe(20_000);
    });
    expect(use).toBeLessThan(1e6);
  });
});
