import type { Page } from '../../../src/page.ts';
import { pageNumber } from '../../../src/quantities.ts';
import type { ChangeSet, Snapshot } from '../../../src/wal/change-set.ts';

const PAGE_SIZE = 512;
const noWal = { offset: 32, size: 0, salt1: 0, salt2: 0 } as const;

/** A page of which every byte is `fill`. */
export function page(fill: number, pageSize = PAGE_SIZE): Buffer {
  return Buffer.alloc(pageSize, fill);
}

export interface FakeChangeSet extends ChangeSet {
  /** How often it was released. */
  released(): number;
}

/** A change set of these pages; `commit` is the database's size after it. */
export function changeSet(
  pages: Readonly<Record<number, Buffer>>,
  change: Partial<Pick<ChangeSet, 'why' | 'commit' | 'position'>> = {},
): FakeChangeSet {
  const sorted = sortedPages(pages);
  let count = 0;
  return {
    why: 'commits',
    pageSize: sorted[0]?.data.byteLength ?? PAGE_SIZE,
    commit: sorted.at(-1)?.number ?? 1,
    transactions: 1,
    wal: noWal,
    position: undefined,
    ...change,
    async *pages() {
      for (const one of sorted) yield [one];
    },
    release: async () => {
      count += 1;
    },
    released: () => count,
  };
}

/** Every page of a database: as the first file of a chain must be. */
export function wholeDatabase(pages: Readonly<Record<number, Buffer>>, why: ChangeSet['why'] = 'first'): FakeChangeSet {
  return changeSet(pages, { why });
}

export function snapshotOf(pages: Readonly<Record<number, Buffer>>): Snapshot & { released(): number } {
  const { pageSize, commit, wal, pages: read, release, released } = changeSet(pages);
  return { pageSize, commit, wal, pages: read, release, released };
}

function sortedPages(pages: Readonly<Record<number, Buffer>>): readonly Page[] {
  return Object.entries(pages)
    .map(([number, data]) => ({ number: pageNumber(Number(number)), data }))
    .sort((a, b) => a.number - b.number);
}
