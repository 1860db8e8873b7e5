import { describe, expect, it } from 'vitest';
import { addPageChecksum, CHECKSUM_FLAG, pageChecksum } from '../../src/ltx/checksum.ts';
import { LtxDecoder } from '../../src/ltx/decoder.ts';
import { encodePageIndex } from '../../src/ltx/page-index.ts';
import type { Page } from '../../src/page.ts';
import { asBlock, asFrame, blockOf, buildFile, headerOf, pageOf, rawFrameOf } from './build-file.ts';
import { errorOf } from './error-of.ts';
import { noise } from './page-data.ts';
import { readFile } from './read-file.ts';

const image = (value: number): Uint8Array => new Uint8Array(512).fill(value);
const pagesOf = (...numbers: readonly number[]): Page[] => numbers.map((number) => pageOf(number, image(number)));

function refused(file: Uint8Array, message: RegExp, code = 'LTX_INVALID'): void {
  for (const chunk of [file.length, 1]) {
    expect(errorOf(() => readFile(file, chunk))).toMatchObject({ code, message: expect.stringMatching(message) });
  }
}

describe('the decoder', () => {
  it('reads frames and blocks mixed in one file', () => {
    const file = buildFile({ header: headerOf({ commit: 4 }), pages: pagesOf(1, 2, 3, 4) }, (page) =>
      page.number % 2 === 0 ? asBlock(page) : asFrame()(page),
    );
    for (const chunk of [1, 7, 100, file.length]) {
      expect([...readFile(file, chunk).pages]).toEqual(
        [1, 2, 3, 4].map((number) => [number, Buffer.from(image(number))]),
      );
    }
  });

  it('takes reserved header bytes as they are', () => {
    const file = buildFile({ header: headerOf(), pages: pagesOf(1), reserved: noise(20, 7) });
    expect(readFile(file).trailer.pages).toBe(1);
  });

  it('knows the header as soon as it is there', () => {
    const file = buildFile({ header: headerOf(), pages: pagesOf(1) });
    const decoder = new LtxDecoder();
    expect(decoder.push(file.subarray(0, 99))).toEqual([]);
    expect(decoder.header).toBeUndefined();
    expect(decoder.push(file.subarray(99, 100))).toEqual([]);
    expect(decoder.header).toEqual(headerOf());
  });

  it('hands out what was fed in batches of the size asked for', () => {
    const decoder = new LtxDecoder();
    decoder.feed(buildFile({ header: headerOf({ commit: 5 }), pages: pagesOf(1, 2, 3, 4, 5) }));
    const sizes = [2, 2, 2, 2].map((count) => decoder.take(count * 512).length);
    expect(sizes).toEqual([2, 2, 1, 0]);
    expect(decoder.finish().pages).toBe(5);
  });

  it('must be emptied before it is fed again', () => {
    const file = buildFile({ header: headerOf(), pages: pagesOf(1) });
    const decoder = new LtxDecoder();
    decoder.feed(file);
    expect(errorOf(() => decoder.feed(file))).toMatchObject({ code: 'INTERNAL' });
  });

  it('gives a page that is cut between two batches whole', () => {
    // The memory of pages is used again for the next batch: one that is half decoded must not be handed out twice.
    const pages = Array.from({ length: 40 }, (_, index) => pageOf(index + 1, noise(512, index)));
    const file = buildFile({ header: headerOf({ commit: 40 }), pages }, asFrame({ pieces: [300, 212] }));
    const decoder = new LtxDecoder();
    const seen: Page[] = [];
    for (let start = 0; start < file.length; start += 700) {
      const batch = decoder.push(file.subarray(start, start + 700));
      seen.push(...batch.map((page) => pageOf(page.number, Uint8Array.from(page.data))));
    }
    expect(decoder.finish().pages).toBe(40);
    expect(seen).toEqual(pages);
  });
});

describe('the decoder refuses', () => {
  it('files of versions 1 and 2, by name', () => {
    const [page] = pagesOf(1);
    if (page === undefined) throw new Error('no page');
    const version2 = buildFile({ header: headerOf(), pages: [page] }, (each) => {
      const { bytes } = asFrame()(each);
      return { bytes: Buffer.concat([bytes.subarray(0, 4), bytes.subarray(6)]), covered: 4 };
    });
    refused(version2, /version 2/);
    const sqlite = new Uint8Array(512);
    sqlite.set(Buffer.from('SQLite format 3\0'));
    const version1 = buildFile({ header: headerOf(), pages: [pageOf(1, sqlite)] }, (each) => {
      return { bytes: Buffer.concat([Uint8Array.of(0, 0, 0, 1), each.data]), covered: 4 };
    });
    refused(version1, /version 1/);
    const compressed = Buffer.from(buildFile({ header: headerOf(), pages: [] }));
    compressed[7] = 1;
    refused(compressed, /version 1/);
  });

  it('pages out of order, twice, past the end, and the lock page', () => {
    refused(buildFile({ header: headerOf({ commit: 9, min: 2 }), pages: pagesOf(3, 2) }), /page 2 follows page 3/);
    refused(buildFile({ header: headerOf({ commit: 9, min: 2 }), pages: pagesOf(3, 3) }), /page 3 follows page 3/);
    refused(buildFile({ header: headerOf({ commit: 9, min: 2 }), pages: pagesOf(10) }), /page 10 is past/);
    refused(buildFile({ header: headerOf({ commit: 0, min: 2 }), pages: pagesOf(1) }), /page 1 is past/);
    refused(buildFile({ header: headerOf({ commit: 3e6, min: 2 }), pages: pagesOf(2097153) }), /lock page/);
  });

  it('a snapshot that lacks a page', () => {
    refused(buildFile({ header: headerOf({ commit: 3 }), pages: pagesOf(2, 3) }), /lacks page 1 of 3/);
    refused(buildFile({ header: headerOf({ commit: 3 }), pages: pagesOf(1, 3) }), /lacks page 2 of 3/);
    refused(buildFile({ header: headerOf({ commit: 3 }), pages: pagesOf(1, 2) }), /lacks page 3 of 3/);
    refused(buildFile({ header: headerOf({ commit: 3 }), pages: [] }), /lacks page 1 of 3/);
  });

  it('unknown page flags, and page 0 with flags', () => {
    const wrong = (flags: number) => (page: Page) =>
      page.number === 2 ? rawFrameOf(page, image(0), flags) : asBlock(page);
    const parts = { header: headerOf({ commit: 2 }), pages: pagesOf(1, 2) };
    refused(buildFile(parts, wrong(2)), /flags 0x2/);
    refused(buildFile(parts, wrong(0x8001)), /flags 0x8001/);
    refused(buildFile({ header: headerOf({ min: 2 }), pages: [pageOf(0, image(0))] }), /page 0/);
  });

  it('blocks of a wrong size, and pages of a wrong size', () => {
    const block = (data: Uint8Array, size?: number) => (page: Page) => {
      const { bytes } = asBlock(pageOf(page.number, data));
      return blockOf(page, bytes.subarray(10), size);
    };
    const parts = { header: headerOf(), pages: pagesOf(1) };
    refused(buildFile(parts, block(new Uint8Array(511))), /does not give one page/);
    refused(buildFile(parts, block(new Uint8Array(513))), /does not give one page/);
    for (const size of [0, 531, 0xffffffff]) refused(buildFile(parts, block(image(1), size)), /block of/);
    expect(readFile(buildFile({ header: headerOf(), pages: [pageOf(1, noise(512, 3))] })).trailer.pages).toBe(1);
  });

  it('an index that is not that of the pages', () => {
    const parts = { header: headerOf({ commit: 2 }), pages: pagesOf(1, 2) };
    const index = (change: (bytes: Uint8Array) => Uint8Array) =>
      buildFile({ ...parts, index: (pages) => change(encodePageIndex(pages)) });
    refused(
      index((bytes) => bytes.with(1, 0x65)),
      /index/,
    );
    refused(
      index((bytes) => bytes.with(2, 0x7f)),
      /index/,
    );
    refused(
      index((bytes) => Uint8Array.of(...bytes, 0)),
      /index/,
    );
    // Without its zero, a byte of what follows is taken for it, and the file looks cut off.
    refused(
      index((bytes) => bytes.subarray(0, -1)),
      /within its page index/,
      'LTX_TRUNCATED',
    );
    refused(
      index(() => Uint8Array.of(0)),
      /index/,
    );
    for (const indexSize of [0n, 6n, 2n ** 63n]) refused(buildFile({ ...parts, indexSize }), /index has/);
  });

  it('bytes behind the end', () => {
    const file = buildFile({ header: headerOf(), pages: pagesOf(1) });
    refused(Buffer.concat([file, Uint8Array.of(0)]), /bytes follow/);
    const decoder = new LtxDecoder();
    decoder.push(file);
    expect(errorOf(() => decoder.push(Uint8Array.of(0)))).toMatchObject({ code: 'LTX_INVALID' });
  });

  it('a post-apply checksum that the flags deny', () => {
    refused(buildFile({ header: headerOf(), pages: pagesOf(1), postApply: CHECKSUM_FLAG }), /post-apply/);
  });

  it('a wrong file checksum, and says where', () => {
    const file = Buffer.from(buildFile({ header: headerOf(), pages: pagesOf(1) }));
    file[file.length - 1] = (file.at(-1) ?? 0) ^ 1;
    refused(file, new RegExp(`file checksum at byte ${file.length - 8} is wrong`), 'LTX_CHECKSUM');
  });
});

describe('rolling checksums', () => {
  const sums = pagesOf(1, 2).map((page) => pageChecksum(page.number, page.data));
  const rolling = sums.reduce(addPageChecksum, CHECKSUM_FLAG);
  const snapshot = { header: headerOf({ commit: 2, checksums: { preApply: 0n } }), pages: pagesOf(1, 2) };

  it('are verified in a snapshot', () => {
    expect(readFile(buildFile({ ...snapshot, postApply: rolling })).trailer.postApply).toBe(rolling);
    refused(buildFile({ ...snapshot, postApply: rolling ^ 1n }), /not that of the pages/, 'LTX_CHECKSUM');
    refused(buildFile({ ...snapshot, postApply: 0n }), /is missing/);
  });

  it('cannot be verified in another file, but must be there', () => {
    const header = headerOf({ commit: 2, min: 2, checksums: { preApply: CHECKSUM_FLAG | 5n } });
    const postApply = CHECKSUM_FLAG | 9n;
    expect(readFile(buildFile({ header, pages: pagesOf(2), postApply })).trailer.postApply).toBe(postApply);
    refused(buildFile({ header, pages: pagesOf(2), postApply: 9n }), /is missing/);
  });

  it('of a deleted database are those of no page', () => {
    const header = headerOf({ commit: 0, min: 2, checksums: { preApply: CHECKSUM_FLAG | 5n } });
    expect(readFile(buildFile({ header, pages: [], postApply: CHECKSUM_FLAG })).trailer.pages).toBe(0);
    refused(buildFile({ header, pages: [], postApply: CHECKSUM_FLAG | 1n }), /empty database/);
  });
});
