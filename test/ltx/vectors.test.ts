import { describe, expect, it } from 'vitest';
import { LtxEncoder } from '../../src/ltx/encoder.ts';
import { decodePageIndex, findPage, locatePageIndex } from '../../src/ltx/page-index.ts';
import { pageNumber } from '../../src/quantities.ts';
import { asBlock, buildFile, headerOf, pageOf } from './build-file.ts';
import { readFile } from './read-file.ts';
import { blockFile, frameFile, stockFile } from './vectors.ts';

const ones = new Uint8Array(512).fill(0x31);

describe('files known to stock Litestream', () => {
  it('one that it wrote is read', () => {
    const { header, pages, trailer } = readFile(stockFile);
    expect(header).toMatchObject({ pageSize: 4096, commit: 1, minTxid: 1, maxTxid: 1, timestamp: 1795530956459 });
    expect(trailer).toEqual({ postApply: 0n, fileChecksum: 0xe69b47261a1799e6n, pages: 1 });
    expect(pages.get(1)?.subarray(0, 16).toString('latin1')).toBe('SQLite format 3\0');
    expect(pages.get(1)?.includes('-hello litestream')).toBe(true);
  });

  it('the index of one that it wrote is read', () => {
    const { start, end } = locatePageIndex(stockFile.subarray(-24), stockFile.length);
    expect([...decodePageIndex(stockFile.subarray(start, end))]).toEqual([{ number: 1, offset: 100, length: 193 }]);
    expect(findPage(stockFile, stockFile.length, pageNumber(1))).toEqual({ number: 1, offset: 100, length: 193 });
  });

  it.each([
    ['blocks', blockFile, 0xfa9a86a2a23c7419n],
    ['frames', frameFile, 0xccba900932dae6dcn],
  ])('a minimal one in %s is read', (_, file, fileChecksum) => {
    const { header, pages, trailer } = readFile(file);
    expect(header).toEqual(headerOf());
    expect(pages.get(1)).toEqual(Buffer.from(ones));
    expect(trailer).toEqual({ postApply: 0n, fileChecksum, pages: 1 });
  });

  it('our own has the same parts as the minimal one in frames', () => {
    // Two LZ4 compressors may choose different sequences for the same bytes; all else is the same.
    const encoder = new LtxEncoder(headerOf());
    const [start, frame, end] = [encoder.start(), encoder.page(pageNumber(1), ones), encoder.finish()];
    const known = frameFile.subarray(100, 137);
    expect(Buffer.from(start)).toEqual(frameFile.subarray(0, 100));
    expect(Buffer.from(frame.subarray(0, 13))).toEqual(known.subarray(0, 13));
    expect(Buffer.from(frame.subarray(-8))).toEqual(known.subarray(-8));
    const file = Buffer.concat([start, frame, end]);
    expect(readFile(file)).toMatchObject({ pages: readFile(frameFile).pages });
  });

  it('the test’s own builder makes files of the same parts as the minimal one in blocks', () => {
    const file = buildFile({ header: headerOf(), pages: [pageOf(1, ones)] }, asBlock);
    expect(file.subarray(0, 106)).toEqual(blockFile.subarray(0, 106));
    expect(readFile(file).pages).toEqual(readFile(blockFile).pages);
  });
});
