import { copyFileSync, createReadStream, existsSync, mkdirSync, rmSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeLtx, readHeader } from '../../../src/ltx/decoder.ts';
import { bytes, txid } from '../../../src/quantities.ts';
import { restoreDatabase } from '../../../src/restore/restore.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import type { StoreOptions } from '../../../src/storage/store-options.ts';
import { type Rows, readSoundRows } from './rows.ts';

/**
 * What a replica gives back, restored to `folder`.
 * @param at the TXID; undefined: the newest
 * @returns the file; undefined where the replica holds nothing
 */
export async function restoreCopy(where: StoreOptions, folder: string, at?: number): Promise<string | undefined> {
  const file = join(folder, 'restored.db');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const store = await openStore(where);
  try {
    const outcome = await restoreDatabase({
      replicas: [{ name: 'replica', store }],
      target: at === undefined ? { kind: 'newest' } : { kind: 'txid', txid: txid(at) },
      policy: { quorum: 'any', from: undefined },
      events: { step: () => {}, warn: () => {}, progress: () => {} },
      signal: new AbortController().signal,
      output: file,
      checksumFile: undefined,
      integrity: { mode: 'none', maxBytes: bytes(1 << 30) },
    });
    return outcome.kind === 'empty' ? undefined : file;
  } finally {
    await store.close();
  }
}

export async function restoreRows(where: StoreOptions, folder: string): Promise<Rows> {
  const file = await restoreCopy(where, folder);
  return file === undefined ? { lives: [] } : readSoundRows(file);
}

/** The rows there are once these LTX files are put on top of a database: what a person would do with a dated folder. */
export async function rowsWith(base: string | undefined, ltxFolder: string): Promise<Rows> {
  const file = `${base ?? join(ltxFolder, 'alone')}.with`;
  if (base !== undefined) copyFileSync(base, file);
  const paths: { readonly path: string; readonly end: string }[] = [];
  for (const level of ['9', '0']) {
    const folder = join(ltxFolder, level);
    if (!existsSync(folder)) continue;
    for (const name of await readdir(folder)) paths.push({ path: join(folder, name), end: name.slice(17, 33) });
  }
  const database = await open(file, base === undefined ? 'w+' : 'r+');
  try {
    for (const { path } of paths.sort((a, b) => a.end.localeCompare(b.end))) {
      const { pageSize, commit } = await readHeader(createReadStream(path));
      for await (const pages of decodeLtx(createReadStream(path))) {
        for (const { number, data } of pages) await database.write(data, 0, data.length, (number - 1) * pageSize);
      }
      await database.truncate(commit * pageSize);
    }
  } finally {
    await database.close();
  }
  return readSoundRows(file);
}
