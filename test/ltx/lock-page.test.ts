import { describe, expect, it } from 'vitest';
import { LtxDecoder } from '../../src/ltx/decoder.ts';
import { LtxEncoder } from '../../src/ltx/encoder.ts';
import { mergeLtx } from '../../src/ltx/merge.ts';
import { PageRules } from '../../src/ltx/page-rules.ts';
import { lockPageNumber } from '../../src/page.ts';
import { pageNumber } from '../../src/quantities.ts';
import { headerOf } from './build-file.ts';
import { errorOf } from './error-of.ts';
import { inChunks } from './read-file.ts';

const PAGE_SIZE = 65536;
const LOCK_PAGE = 16385;
const page = new Uint8Array(PAGE_SIZE).fill(0x5a);

/** A snapshot past 1 GiB, one page after the other, so that it is never whole in memory. */
function* snapshot(commit: number): Generator<Uint8Array> {
  const encoder = new LtxEncoder(headerOf({ pageSize: PAGE_SIZE, commit }));
  yield encoder.start();
  for (let number = 1; number <= commit; number += 1) {
    if (number !== LOCK_PAGE) yield encoder.page(pageNumber(number), page);
  }
  yield encoder.finish();
}

function changed(min: number, number: number): Uint8Array {
  const encoder = new LtxEncoder(headerOf({ pageSize: PAGE_SIZE, commit: 16390, min }));
  return Buffer.concat([encoder.start(), encoder.page(pageNumber(number), page), encoder.finish()]);
}

describe('the lock page', () => {
  it.each([
    [512, 2097153],
    [1024, 1048577],
    [4096, 262145],
    [65536, 16385],
  ])('with pages of %i bytes is %i', (pageSize, number) => {
    expect(lockPageNumber(pageSize)).toBe(number);
  });

  it('is left out of a snapshot that reaches past it', () => {
    const decoder = new LtxDecoder();
    const last: number[] = [];
    for (const chunk of snapshot(LOCK_PAGE + 1)) last.push(...decoder.push(chunk).map((page) => page.number));
    expect(last.slice(-3)).toEqual([LOCK_PAGE - 2, LOCK_PAGE - 1, LOCK_PAGE + 1]);
    expect(decoder.finish().pages).toBe(LOCK_PAGE);
  });

  it('may be the last page of a snapshot', () => {
    const rules = new PageRules(headerOf({ pageSize: PAGE_SIZE, commit: LOCK_PAGE }));
    for (let number = 1; number < LOCK_PAGE; number += 1) rules.next(number, '');
    rules.finish('');
    const lacking = new PageRules(headerOf({ pageSize: PAGE_SIZE, commit: LOCK_PAGE + 1 }));
    for (let number = 1; number < LOCK_PAGE; number += 1) lacking.next(number, '');
    expect(errorOf(() => lacking.finish(''))).toMatchObject({ message: expect.stringMatching(/lacks page 16386/) });
  });

  it('is left out when files around it are merged', async () => {
    const merged = mergeLtx([changed(2, LOCK_PAGE - 1), changed(3, LOCK_PAGE + 1)].map((file) => inChunks(file, 1000)));
    const decoder = new LtxDecoder();
    const numbers: number[] = [];
    for await (const chunk of merged) numbers.push(...decoder.push(chunk).map((page) => page.number));
    expect(decoder.finish().pages).toBe(2);
    expect(numbers).toEqual([LOCK_PAGE - 1, LOCK_PAGE + 1]);
  });

  it('is never written', () => {
    expect(errorOf(() => changed(2, LOCK_PAGE))).toMatchObject({
      code: 'LTX_INVALID',
      message: expect.stringMatching(/lock page/),
    });
    expect(changed(2, LOCK_PAGE + 1).length).toBeGreaterThan(100);
  });
});
