import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytes, milliseconds } from '../../../src/quantities.ts';
import { endsBy } from '../../../src/restore/legacy/generation-end.ts';
import { formatIndex, segmentPrefix } from '../../../src/restore/legacy/legacy-key.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';

const name = '0123456789abcdef';
const signal = new AbortController().signal;

interface Counted {
  readonly store: ObjectStore;
  readonly count: number;
  requests(): number;
}

/** Nothing but a list, in which each segment is a second later than the one before; a request for each thousand. */
function generationOf(partsOfEach: readonly number[]): Counted {
  const keys = partsOfEach.flatMap((parts, index) =>
    Array.from(
      { length: parts },
      (_, part) => `${segmentPrefix(name)}${formatIndex(index)}_${formatIndex(part)}.wal.lz4`,
    ),
  );
  let requests = 0;
  const list: ObjectStore['list'] = async function* (prefix, { startAfter = '' } = {}) {
    expect(prefix).toBe(segmentPrefix(name));
    requests += 1;
    const start = keys.findIndex((key) => key > startAfter);
    for (let at = start; start >= 0 && at < keys.length; at += 1) {
      if (at > start && (at - start) % 1_000 === 0) requests += 1;
      yield { key: keys[at] ?? '', size: bytes(100), lastModified: milliseconds((at + 1) * 1_000) };
    }
  };
  return { store: { list } as unknown as ObjectStore, count: keys.length, requests: () => requests };
}

const snapshotAt = (index: number, lastModified: number) => ({
  kind: 'snapshot' as const,
  generation: name,
  index,
  key: '',
  size: bytes(100),
  lastModified: milliseconds(lastModified),
});

test('the last segment counts, however many lie in however many WAL files', async () => {
  const parts = fc.array(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 900, max: 2_100 })), {
    minLength: 1,
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(parts, fc.nat(59), async (each, from) => {
      const { store, count } = generationOf(each);
      const snapshots = [snapshotAt(Math.min(from, each.length - 1), 500)];
      expect(await endsBy(store, name, snapshots, milliseconds(count * 1_000), signal)).toBe(true);
      expect(await endsBy(store, name, snapshots, milliseconds(count * 1_000 - 1), signal)).toBe(false);
    }),
    { numRuns: 60 },
  );
});

test.each([
  ['a day of commits each 10 s', 1_440, 6, 14],
  ['a week of them', 10_080, 6, 20],
  ['200,000 objects', 5_000, 40, 20],
  ['one WAL file of 5,000', 1, 5_000, 8],
  ['few', 20, 40, 1],
])('%s: %i WAL files of %i segments take no more than %i requests', async (_, files, parts, most) => {
  const { store, count, requests } = generationOf(new Array(files).fill(parts));
  expect(await endsBy(store, name, [snapshotAt(0, 500)], milliseconds(count * 1_000), signal)).toBe(true);
  expect(requests()).toBeLessThanOrEqual(most);
});

test('a snapshot counts as well, and nothing more is asked then', async () => {
  const { store, requests } = generationOf([3]);
  const snapshots = [snapshotAt(0, 500), snapshotAt(1, 60_000)];
  expect(await endsBy(store, name, snapshots, milliseconds(50_000), signal)).toBe(false);
  expect(requests()).toBe(0);
  expect(await endsBy(store, name, snapshots, milliseconds(60_000), signal)).toBe(true);
});

test('one without any WAL ends with its snapshot', async () => {
  const { store } = generationOf([]);
  expect(await endsBy(store, name, [snapshotAt(0, 500)], milliseconds(500), signal)).toBe(true);
  expect(await endsBy(store, name, [], milliseconds(0), signal)).toBe(true);
});
