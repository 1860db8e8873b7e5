import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { PageIndex } from '../../src/wal/page-index.ts';
import { PendingPages } from '../../src/wal/pending-pages.ts';

const folder = mkdtempSync(join(tmpdir(), 'station-wal-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What was put, as page → first byte. */
function contents(pages: PendingPages, last: number): [number, number][] {
  const found: [number, number][] = [];
  for (const batch of pages.batches(pages.numbers(last))) {
    for (const { number, data } of batch) {
      expect(data.every((byte) => byte === data[0])).toBe(true);
      found.push([number, data[0] ?? -1]);
    }
  }
  return found;
}

it('keeps the newest image of every page, in memory or spilled', () => {
  const put = fc.tuple(fc.integer({ min: 1, max: 3000 }), fc.nat(255));
  fc.assert(
    fc.property(
      fc.array(put, { minLength: 1, maxLength: 4000, size: 'max' }),
      fc.constantFrom(0, 300_000),
      (puts, limit) => {
        const pages = new PendingPages(1024, folder, limit);
        const expected = new Map<number, number>();
        for (const [page, fill] of puts) {
          if (fill === 0) pages.putZeros(page);
          else pages.put(page, Buffer.alloc(1024, fill));
          expected.set(page, fill);
        }
        const last = 2000;
        const wanted = [...expected].filter(([page]) => page <= last).sort(([a], [b]) => a - b);
        expect(contents(pages, last)).toEqual(wanted);
        expect(contents(pages, last)).toEqual(wanted);
        expect(pages.size).toBe(expected.size);
        pages.close();
      },
    ),
    { numRuns: 40 },
  );
});

it.for([512, 4096, 65536])('spills to a file that has no name any more, page size %i', (pageSize) => {
  const pages = new PendingPages(pageSize, folder, 0);
  const count = Math.ceil((4 * 1024 * 1024) / pageSize);
  for (let page = count; page >= 1; page -= 1) pages.put(page, Buffer.alloc(pageSize, page & 255));
  expect(readdirSync(folder)).toEqual([]);
  const seen = contents(pages, count);
  expect(seen).toHaveLength(count);
  expect(seen.every(([page, fill]) => fill === (page & 255))).toBe(true);
  pages.close();
});

it('says so when the folder cannot be written to', () => {
  writeFileSync(join(folder, 'file'), '');
  const pages = new PendingPages(512, join(folder, 'file', 'folder'), 0);
  const put = () => {
    for (let page = 1; page < 2000; page += 1) pages.put(page, Buffer.alloc(512, 1));
  };
  expect(put).toThrowError(expect.objectContaining({ code: 'STAGING_FAILED' }));
});

it('indexes a million pages in a few megabytes', () => {
  const index = new PageIndex();
  for (let page = 1; page <= 1_000_000; page += 1) index.set((page * 4093) >>> 0, page);
  expect(index.size).toBe(1_000_000);
  expect(index.get(4093 * 777_777)).toBe(777_777);
  expect(index.get(4092)).toBeUndefined();
});
