import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DatabaseFolderConfig } from '../../../src/config/config.ts';
import { milliseconds, txid } from '../../../src/quantities.ts';
import { findReplicated } from '../../../src/replication/folders/replicated-databases.ts';
import { ltxKey } from '../../../src/storage/key-layout.ts';
import type { ObjectInfo, ObjectStore } from '../../../src/storage/object-store.ts';
import { folderAt } from './folder-at.ts';

const never = new AbortController().signal;
const layouts = ['folder', 's3'] as const;

/** A store that does nothing but list, as stores do. */
class ListedStore {
  readonly layout: ObjectStore['layout'];
  readonly keys: readonly string[];
  lists = 0;
  given = 0;

  constructor(layout: ObjectStore['layout'], keys: readonly string[]) {
    this.layout = layout;
    this.keys = [...keys].sort();
  }

  async *list(_prefix: string, options?: { readonly startAfter?: string }): AsyncGenerator<ObjectInfo> {
    this.lists += 1;
    for (const key of this.keys) {
      if (options?.startAfter !== undefined && key <= options.startAfter) continue;
      this.given += 1;
      yield { key, size: 0 as ObjectInfo['size'], lastModified: milliseconds(0) };
    }
  }
}

const find = (store: ListedStore, folder: DatabaseFolderConfig) =>
  findReplicated(store as unknown as ObjectStore, folder, never);
const file = (layout: ObjectStore['layout'], database: string, level: number, at: number) =>
  `${database}/${ltxKey(layout, level, txid(at), txid(at))}`;

describe.each(layouts)('the databases of a replica with the keys of %s', (layout) => {
  const flat = folderAt('/data');
  const deep: DatabaseFolderConfig = { ...folderAt('/data'), depth: 'with-subfolders' };

  it('are those below which there is a file of ours or of Litestream 0.3, at any level', async () => {
    const keys = [
      file(layout, 'a.db', 0, 7),
      file(layout, 'b.db', 9, 1),
      'c.db/generations/0123456789abcdef/snapshots/00000000.snapshot.lz4',
      'lease-only.db/lock.json',
      'strange.db/ltx/0/not-ours',
      'other.txt/ltx/0/0000000000000001-0000000000000001.ltx',
      ltxKey(layout, 0, txid(1), txid(1)),
    ];
    expect(await find(new ListedStore(layout, keys), flat)).toEqual(['a.db', 'b.db', 'c.db']);
  });

  it('are in subfolders too, where those count', async () => {
    const keys = [file(layout, 'eu/a.db', 0, 1), file(layout, 'a.db', 0, 1)];
    expect(await find(new ListedStore(layout, keys), flat)).toEqual(['a.db']);
    expect(await find(new ListedStore(layout, keys), deep)).toEqual(['a.db', 'eu/a.db']);
  });

  it('cost no list of all the files of a database that has very many', async () => {
    const many = Array.from({ length: 5_000 }, (_, at) => file(layout, 'a.db', 0, at + 1));
    const store = new ListedStore(layout, [...many, file(layout, 'b.db', 0, 1)]);
    expect(await find(store, flat)).toEqual(['a.db', 'b.db']);
    expect(store.given).toBeLessThan(300);
  });

  it('are found, whatever their names and however many files each has', async () => {
    const name = fc.stringMatching(/^[ -.0-9a-z~]{1,6}$/).map((text) => `${text.replaceAll('/', '')}.db`);
    const databases = fc.dictionary(name, fc.integer({ min: 1, max: 450 }), { minKeys: 1, maxKeys: 6 });
    await fc.assert(
      fc.asyncProperty(databases, async (counts) => {
        const keys = Object.entries(counts).flatMap(([database, count]) =>
          Array.from({ length: count }, (_, at) => file(layout, database, 0, at + 1)),
        );
        expect(await find(new ListedStore(layout, keys), flat)).toEqual(Object.keys(counts).sort());
      }),
      { numRuns: 60 },
    );
  });
});
