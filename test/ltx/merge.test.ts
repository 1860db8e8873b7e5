import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeHeaders, mergeLtx } from '../../src/ltx/merge.ts';
import type { Page } from '../../src/page.ts';
import { milliseconds } from '../../src/quantities.ts';
import { asBlock, asFrame, buildFile, headerOf, pageOf } from './build-file.ts';
import { noise } from './page-data.ts';
import { inChunks, readFile } from './read-file.ts';

async function merge(files: readonly Uint8Array[], chunkSize = 1000): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of mergeLtx(files.map((file) => inChunks(file, chunkSize)))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const image = (value: number): Uint8Array => noise(512, value + 1);
const pagesOf = (value: number, ...numbers: readonly number[]): Page[] =>
  numbers.map((number) => pageOf(number, image(value * 100 + number)));

interface Sync {
  readonly commit: number;
  readonly changed: readonly number[];
}

/** The life of a database: its size after each sync, and the pages each one changed. */
const histories: fc.Arbitrary<readonly Sync[]> = fc.array(
  fc.record({ commit: fc.integer({ min: 1, max: 12 }), changed: fc.uniqueArray(fc.integer({ min: 1, max: 12 })) }),
  { minLength: 1, maxLength: 8 },
);

/** One file for each sync, as capture writes it: pages that came with growth are always in it. */
function filesOf(history: readonly Sync[]): Uint8Array[] {
  let size = 0;
  return history.map(({ commit, changed }, index) => {
    const numbers = Array.from({ length: commit }, (_, at) => at + 1).filter(
      (number) => number > size || changed.includes(number),
    );
    size = commit;
    const header = headerOf({ commit, min: index + 1, timestamp: milliseconds(index * 1000) });
    return Buffer.from(buildFile({ header, pages: pagesOf(index, ...numbers) }, index % 2 === 0 ? asBlock : asFrame()));
  });
}

/** What a database holds in the end, page by page. */
function replay(files: readonly Uint8Array[]): Map<number, Buffer> {
  const database = new Map<number, Buffer>();
  for (const file of files) {
    const { header, pages } = readFile(file);
    for (const [number, data] of pages) database.set(number, data);
    for (const number of database.keys()) if (number > (header?.commit ?? 0)) database.delete(number);
  }
  return new Map([...database].sort(([a], [b]) => a - b));
}

describe('merging', () => {
  it('gives the newest image of every page, whatever grew and shrank', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.integer({ min: 1, max: 3000 }), async (history, chunkSize) => {
        const files = filesOf(history);
        const merged = readFile(await merge(files, chunkSize));
        expect([...merged.pages]).toEqual([...replay(files)]);
        expect(merged.header).toEqual(
          headerOf({
            commit: history.at(-1)?.commit ?? 0,
            max: history.length,
            timestamp: milliseconds((history.length - 1) * 1000),
            wal: { offset: 0, size: 0, salt1: 0, salt2: 0 },
          }),
        );
      }),
    );
  });

  it('in steps gives what merging at once gives, byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.nat(), async (history, seed) => {
        const files = filesOf(history);
        const cut = 1 + (seed % files.length);
        const first = await merge(files.slice(0, cut));
        expect(await merge([first, ...files.slice(cut)])).toEqual(await merge(files));
      }),
    );
  });

  it('of files that start later gives one that is no snapshot', async () => {
    const file = (min: number, ...pages: readonly Page[]) => buildFile({ header: headerOf({ commit: 9, min }), pages });
    const merged = readFile(await merge([file(5, ...pagesOf(1, 2, 7)), file(6, ...pagesOf(2, 3, 7))]));
    expect(merged.header).toMatchObject({ minTxid: 5, maxTxid: 6, commit: 9 });
    expect([...merged.pages]).toEqual(
      [...pagesOf(1, 2), ...pagesOf(2, 3, 7)].map((page) => [page.number, Buffer.from(page.data)]),
    );
  });

  it('gives chunks of the size asked for', async () => {
    const pages = pagesOf(1, ...Array.from({ length: 50 }, (_, index) => index + 1));
    const file = buildFile({ header: headerOf({ commit: 50 }), pages });
    const sizes: number[] = [];
    for await (const chunk of mergeLtx([inChunks(file, 999)], { chunkSize: 5000 })) sizes.push(chunk.length);
    expect(sizes.length).toBeGreaterThan(3);
    for (const size of sizes.slice(0, -1)) expect(size).toBeGreaterThanOrEqual(5000);
    expect(Math.max(...sizes)).toBeLessThan(6000);
  });

  it('takes many inputs at once', async () => {
    const files = Array.from({ length: 300 }, (_, index) =>
      buildFile({
        header: headerOf({ commit: 20, min: index + 2 }),
        pages: pagesOf(index, 1 + (index % 20), 20).slice(index % 20 === 19 ? 1 : 0),
      }),
    );
    const merged = readFile(await merge(files));
    expect(merged.header).toMatchObject({ minTxid: 2, maxTxid: 301 });
    expect([...merged.pages]).toEqual([...replay(files)]);
  });

  it('takes files with rolling checksums, and writes none', async () => {
    const header = headerOf({ commit: 3, min: 2, checksums: { preApply: 2n ** 63n } });
    const file = buildFile({ header, pages: pagesOf(1, 3), postApply: 2n ** 63n });
    expect(readFile(await merge([file])).header?.checksums).toBe('none');
  });
});

describe('the headers of merged files', () => {
  const range = (min: number, max: number) => headerOf({ min, max });

  it('may overlap, if each goes further', () => {
    expect(mergeHeaders([range(1, 5), range(3, 7), range(8, 8)])).toMatchObject({ minTxid: 1, maxTxid: 8 });
  });

  it.each([
    [[range(1, 5), range(7, 8)]],
    [[range(1, 5), range(2, 5)]],
    [[range(1, 5), range(6, 6), range(5, 6)]],
    [[range(6, 6), range(1, 5)]],
  ])('must not leave a gap or go back (%#)', async (headers) => {
    const files = headers.map((header) => buildFile({ header, pages: pagesOf(1, 1) }));
    await expect(merge(files)).rejects.toMatchObject({ code: 'LTX_NOT_CONTIGUOUS' });
  });

  it('must have one page size, and there must be one', async () => {
    const files = [512, 1024].map((pageSize, index) =>
      buildFile({ header: headerOf({ pageSize, min: index + 1 }), pages: [pageOf(1, new Uint8Array(pageSize))] }),
    );
    await expect(merge(files)).rejects.toMatchObject({
      code: 'LTX_INVALID',
      message: expect.stringMatching(/512 and 1024/),
    });
    await expect(merge([])).rejects.toMatchObject({ code: 'LTX_INVALID' });
  });
});

describe('a merge whose input is damaged', () => {
  const files = [1, 2, 3].map((min) =>
    Buffer.from(buildFile({ header: headerOf({ commit: 2, min }), pages: pagesOf(min, 1, 2) })),
  );

  it.each([0, 1, 2])('fails and says which (%i), even if newer files replace all of its pages', async (damaged) => {
    const inputs = files.map((file, index) => (index === damaged ? file.with(file.length - 1, 0) : file));
    await expect(merge(inputs)).rejects.toMatchObject({
      code: 'LTX_CHECKSUM',
      message: expect.stringMatching(
        new RegExp(`merge input ${damaged + 1}, TXIDs ${damaged + 1} to ${damaged + 1}: `),
      ),
    });
  });

  it.each([0, 50, 200])('fails if it ends after %i bytes', async (length) => {
    const inputs = files.map((file, index) => (index === 1 ? file.subarray(0, length) : file));
    await expect(merge(inputs)).rejects.toMatchObject({ code: 'LTX_TRUNCATED' });
  });

  it('fails with what the source says, and lets go of every source', async () => {
    const released: number[] = [];
    const failure = new Error('the connection is gone');
    async function* source(file: Uint8Array, index: number): AsyncGenerator<Uint8Array> {
      try {
        yield file.subarray(0, 150);
        if (index === 1) throw failure;
        yield file.subarray(150);
      } finally {
        released.push(index);
      }
    }
    const merged = mergeLtx(files.map(source));
    await expect(merged.next()).rejects.toBe(failure);
    expect(released.sort()).toEqual([0, 1, 2]);
  });

  it('lets go of every source if its reader stops', async () => {
    let released = 0;
    async function* source(file: Uint8Array): AsyncGenerator<Uint8Array> {
      try {
        yield* inChunks(file, 100);
      } finally {
        released += 1;
      }
    }
    for await (const _ of mergeLtx(files.map(source), { chunkSize: 1 })) break;
    expect(released).toBe(3);
  });
});
