import fc from 'fast-check';
import lz4 from 'lz4-napi';
import { describe, expect, it } from 'vitest';
import { decodeLtx, readHeader } from '../../src/ltx/decoder.ts';
import { LtxEncoder } from '../../src/ltx/encoder.ts';
import type { LtxHeader } from '../../src/ltx/header.ts';
import type { Page } from '../../src/page.ts';
import { pageNumber } from '../../src/quantities.ts';
import { headerOf, pageOf } from './build-file.ts';
import { errorOf } from './error-of.ts';
import { pageData } from './page-data.ts';
import { inChunks, readFile } from './read-file.ts';

function encode(header: LtxHeader, pages: readonly Page[]): Buffer {
  const encoder = new LtxEncoder(header);
  const parts = [encoder.start(), ...pages.map((page) => encoder.page(page.number, page.data)), encoder.finish()];
  const file = Buffer.concat(parts);
  expect(encoder.size).toBe(file.length);
  expect(encoder.fileChecksum).toBe(file.readBigUInt64BE(file.length - 8));
  return file;
}

const files = fc
  .record({ power: fc.integer({ min: 9, max: 16 }), snapshot: fc.boolean(), chunk: fc.integer({ min: 1, max: 5000 }) })
  .chain(({ power, snapshot, chunk }) => {
    const data = pageData(2 ** power);
    const pages = snapshot
      ? fc
          .array(data, { minLength: 1, maxLength: 8 })
          .map((images) => images.map((image, index) => pageOf(index + 1, image)))
      : fc
          .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 1000 }), data), {
            maxLength: 8,
            selector: ([number]) => number,
          })
          .map((all) => all.sort(([a], [b]) => a - b).map(([number, image]) => pageOf(number, image)));
    return pages.map((all) => {
      const commit = snapshot ? all.length : 1000;
      return { pages: all, chunk, header: headerOf({ pageSize: 2 ** power, commit, min: snapshot ? 1 : 5, max: 9 }) };
    });
  });

describe('encoding and decoding', () => {
  it('gives back header and pages, in chunks of any size', () => {
    fc.assert(
      fc.property(files, ({ header, pages, chunk }) => {
        const decoded = readFile(encode(header, pages), chunk);
        expect(decoded.header).toEqual(header);
        expect([...decoded.pages]).toEqual(pages.map((page) => [page.number, Buffer.from(page.data)]));
        expect(decoded.trailer).toMatchObject({ postApply: 0n, pages: pages.length });
      }),
    );
  });

  it('works on streams, in batches of the size asked for', async () => {
    const pages = Array.from({ length: 100 }, (_, index) => pageOf(index + 1, new Uint8Array(512).fill(index)));
    const file = encode(headerOf({ commit: 100 }), pages);
    const batches = decodeLtx(inChunks(file, file.length), 10 * 512);
    let next = 0;
    for (let result = await batches.next(); ; result = await batches.next()) {
      if (result.done === true) {
        expect(result.value).toMatchObject({ pages: 100 });
        break;
      }
      expect(result.value).toHaveLength(10);
      for (const page of result.value) expect(page).toEqual(pages[next++]);
    }
    expect(next).toBe(100);
  });

  it('gives a header alone, and lets go of the source', async () => {
    const file = encode(headerOf(), [pageOf(1, new Uint8Array(512))]);
    let released = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* inChunks(file, 30);
      } finally {
        released = true;
      }
    }
    expect(await readHeader(source())).toEqual(headerOf());
    expect(released).toBe(true);
    await expect(readHeader(inChunks(file.subarray(0, 99), 30))).rejects.toMatchObject({ code: 'LTX_TRUNCATED' });
  });

  it('writes each page as the LZ4 library’s own frame with a content checksum', () => {
    fc.assert(
      fc.property(pageData(4096), (data) => {
        const encoder = new LtxEncoder(headerOf({ pageSize: 4096 }));
        encoder.start();
        const frame = lz4.compressFrameSync(Buffer.from(data), { contentChecksum: true });
        expect(Buffer.from(encoder.page(pageNumber(1), data))).toEqual(
          Buffer.concat([Uint8Array.of(0, 0, 0, 1, 0, 0), frame]),
        );
      }),
    );
  });
});

describe('the encoder refuses', () => {
  const page = new Uint8Array(512);
  const started = (fields: Parameters<typeof headerOf>[0]): LtxEncoder => {
    const encoder = new LtxEncoder(headerOf(fields));
    encoder.start();
    return encoder;
  };
  const refused = (action: () => unknown, message: RegExp): void => {
    expect(errorOf(action)).toMatchObject({ code: 'LTX_INVALID', message: expect.stringMatching(message) });
  };

  it('what stock Litestream would not restore: rolling checksums, a deleted database', () => {
    refused(() => new LtxEncoder(headerOf({ checksums: { preApply: 0n } })), /rolling checksums/);
    refused(() => new LtxEncoder(headerOf({ commit: 0 })), /deleted database/);
  });

  it('pages out of order, twice, 0, or past the end', () => {
    const encoder = started({ commit: 9, min: 2 });
    refused(() => encoder.page(pageNumber(0), page), /page 0/);
    encoder.page(pageNumber(5), page);
    refused(() => encoder.page(pageNumber(5), page), /page 5 follows page 5/);
    refused(() => encoder.page(pageNumber(4), page), /page 4 follows page 5/);
    refused(() => encoder.page(pageNumber(10), page), /page 10 is past/);
  });

  it('a page of another size', () => {
    refused(() => started({}).page(pageNumber(1), new Uint8Array(511)), /511 bytes/);
  });

  it('a snapshot that lacks a page', () => {
    const encoder = started({ commit: 3 });
    refused(() => encoder.page(pageNumber(2), page), /lacks page 1 of 3/);
    encoder.page(pageNumber(1), page);
    refused(() => encoder.page(pageNumber(3), page), /lacks page 2 of 3/);
    encoder.page(pageNumber(2), page);
    refused(() => encoder.finish(), /lacks page 3 of 3/);
  });

  it('to be called out of order', () => {
    const encoder = new LtxEncoder(headerOf());
    expect(errorOf(() => encoder.page(pageNumber(1), page))).toMatchObject({ code: 'INTERNAL' });
    encoder.start();
    expect(errorOf(() => encoder.start())).toMatchObject({ code: 'INTERNAL' });
    encoder.page(pageNumber(1), page);
    encoder.finish();
    expect(errorOf(() => encoder.finish())).toMatchObject({ code: 'INTERNAL' });
  });
});
