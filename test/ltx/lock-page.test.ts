import { describe, expect, it } from 'vitest';
import { LtxDecoder } from '../../src/ltx/decoder.ts';
import { LtxEncoder } from '../../src/ltx/encoder.ts';
import { mergeLtx } from '../../src/ltx/merge.ts';
import { lockPageNumber } from '../../src/page.ts';
import { pageNumber } from '../../src/quantities.ts';
import { headerOf } from './build-file.ts';
import { errorOf } from './error-of.ts';

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

function changed(number: number): Uint8Array {
  const encoder = new LtxEncoder(headerOf({ pageSize: PAGE_SIZE, commit: 16390, min: 2 }));
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

  it('is left out of a snapshot that reaches past it, in writing, reading and merging', async () => {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield* snapshot(16387);
    }
    async function* change(): AsyncGenerator<Uint8Array> {
      yield changed(16390);
      yield* [];
    }
    // The change leaves pages 16388 and 16389 out, so the merge of the two is no snapshot.
    const merged = mergeLtx([source(), change()]);
    await expect(drain(merged)).rejects.toMatchObject({
      code: 'LTX_INVALID',
      message: expect.stringMatching(/lacks page 16388/),
    });
  });

  it('may be the last page of a snapshot', () => {
    const decoder = new LtxDecoder();
    let pages = 0;
    for (const chunk of snapshot(LOCK_PAGE)) pages += decoder.push(chunk).length;
    expect(pages).toBe(LOCK_PAGE - 1);
    expect(decoder.finish().pages).toBe(LOCK_PAGE - 1);
  });

  it('is never written', () => {
    expect(errorOf(() => changed(LOCK_PAGE))).toMatchObject({
      code: 'LTX_INVALID',
      message: expect.stringMatching(/lock page/),
    });
    expect(changed(LOCK_PAGE + 1).length).toBeGreaterThan(100);
  });
});

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of chunks) size += chunk.length;
  return size;
}
