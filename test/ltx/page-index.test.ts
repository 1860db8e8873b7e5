import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodePageIndex,
  encodePageIndex,
  findPage,
  locatePageIndex,
  type PageLocation,
} from '../../src/ltx/page-index.ts';
import { PageIndexDraft } from '../../src/ltx/page-index-draft.ts';
import { pageNumber } from '../../src/quantities.ts';
import { buildFile, headerOf, pageOf } from './build-file.ts';
import { errorOf } from './error-of.ts';

/** Pages as they lie in a file, one frame right behind the other, from byte 100 on. */
const consecutive: fc.Arbitrary<readonly PageLocation[]> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 70_000 })), { maxLength: 300 })
  .map((steps) => {
    let number = 0;
    let end = 100;
    return steps.map(([step, length]) => {
      number += step;
      const offset = end;
      end += length;
      return { number: pageNumber(number), offset, length };
    });
  });

const entry = (number: number, offset: number, length: number): PageLocation => ({
  number: pageNumber(number),
  offset,
  length,
});

describe('the page index', () => {
  it('is three varints a page and a zero', () => {
    expect(encodePageIndex([])).toEqual(Uint8Array.of(0));
    expect(encodePageIndex([entry(1, 100, 193)])).toEqual(Uint8Array.of(0x01, 0x64, 0xc1, 0x01, 0x00));
    expect(encodePageIndex([entry(300, 2 ** 40, 22)])).toEqual(
      Uint8Array.of(0xac, 0x02, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0x16, 0x00),
    );
  });

  it('comes back as it was', () => {
    fc.assert(
      fc.property(consecutive, (pages) => {
        expect([...decodePageIndex(encodePageIndex(pages))]).toEqual(pages);
      }),
    );
  });

  it('is the same from the draft an encoder keeps', () => {
    fc.assert(
      fc.property(consecutive, (pages) => {
        const draft = new PageIndexDraft();
        for (const page of pages) draft.add(page.number, page.length);
        expect(Buffer.concat([...draft.encode()])).toEqual(Buffer.from(encodePageIndex(pages)));
      }),
    );
  });

  it('comes from the draft in pieces when it is long', () => {
    const draft = new PageIndexDraft();
    for (let number = 1; number <= 100_000; number += 1) draft.add(number, 1500);
    const pieces = [...draft.encode()];
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(65536);
    let last = 0;
    for (const { number, offset } of decodePageIndex(Buffer.concat(pieces))) {
      if (offset !== 100 + (number - 1) * 1500) throw new Error(`page ${number} is at ${offset}`);
      last = number;
    }
    expect(last).toBe(100_000);
  });

  it.each([
    ['is cut within an entry', Uint8Array.of(1, 0x64), 'LTX_TRUNCATED'],
    ['lacks its zero', Uint8Array.of(1, 0x64, 1), 'LTX_TRUNCATED'],
    ['goes on behind its zero', Uint8Array.of(0, 0), 'LTX_INVALID'],
    ['has a page twice', Uint8Array.of(1, 0x64, 1, 1, 0x65, 1, 0), 'LTX_INVALID'],
    ['has pages that overlap', Uint8Array.of(1, 0x64, 2, 2, 0x65, 1, 0), 'LTX_INVALID'],
    ['has a page within the header', Uint8Array.of(1, 99, 1, 0), 'LTX_INVALID'],
    ['has a page number of 33 bits', Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10, 0x64, 1, 0), 'LTX_INVALID'],
    ['has a number that never ends', new Uint8Array(50).fill(0x80), 'LTX_INVALID'],
    ['has a number past 53 bits', new Uint8Array(50).fill(0xff), 'LTX_INVALID'],
  ])('is refused if it %s', (_, bytes, code) => {
    expect(errorOf(() => [...decodePageIndex(bytes)])).toMatchObject({ code });
  });
});

describe('finding one page from the end of a file', () => {
  const pages = [1, 2, 4, 7].map((number) => pageOf(number, new Uint8Array(512).fill(number)));
  const file = buildFile({ header: headerOf({ commit: 9, min: 2 }), pages });
  const { start } = locatePageIndex(file.subarray(-24), file.length);

  it('works from any tail that reaches back to the index', () => {
    for (const size of [file.length - start, file.length - start + 50, file.length]) {
      const location = findPage(file.subarray(-size), file.length, pageNumber(4));
      expect(location).toMatchObject({ number: 4 });
      if (location === undefined || 'tailSize' in location) throw new Error('no location');
      expect(Buffer.from(file).readUInt32BE(location.offset)).toBe(4);
    }
  });

  it('asks for a longer tail where that is needed', () => {
    expect(findPage(file.subarray(-24), file.length, pageNumber(4))).toEqual({ tailSize: file.length - start });
  });

  it('says that a page is not there', () => {
    expect(findPage(file, file.length, pageNumber(3))).toBeUndefined();
  });

  it('refuses an index size that the file cannot have', () => {
    for (const size of [0n, BigInt(file.length), 2n ** 64n - 1n]) {
      const wrong = Buffer.from(file);
      wrong.writeBigUInt64BE(size, file.length - 24);
      expect(errorOf(() => locatePageIndex(wrong, file.length))).toMatchObject({ code: 'LTX_INVALID' });
    }
    expect(errorOf(() => locatePageIndex(file.subarray(-23), file.length))).toMatchObject({ code: 'LTX_TRUNCATED' });
    expect(errorOf(() => locatePageIndex(file.subarray(0, 130), 130))).toMatchObject({ code: 'LTX_TRUNCATED' });
  });
});
