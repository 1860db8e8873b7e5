import { createReadStream, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeLtx } from '../../../src/ltx/decoder.ts';
import { type Milliseconds, milliseconds } from '../../../src/quantities.ts';
import { type LoadedStaging, loadStaging } from '../../../src/replication/staging/load-staging.ts';
import type { StagedFile } from '../../../src/replication/staging/staged-files.ts';
import { Staging } from '../../../src/replication/staging/staging.ts';
import { clearLeftovers, makeStagingFolder, stagingFolderAt } from '../../../src/replication/staging/staging-folder.ts';

/** A staging folder on a real disk, opened as after any end of the process before. */
export class Bench {
  readonly root: string;
  readonly folder;
  /** The wall clock: it stands still unless a test moves it. */
  now = 1_000_000;
  readonly #opened: LoadedStaging[] = [];

  constructor(root: string = mkdtempSync(join(tmpdir(), 'staging-'))) {
    this.root = root;
    this.folder = stagingFolderAt(join(root, '.station.db-litestream'));
  }

  /** What a new process finds. */
  async load(): Promise<LoadedStaging> {
    await makeStagingFolder(this.folder);
    await clearLeftovers(this.folder);
    const loaded = await loadStaging(this.folder);
    this.#opened.push(loaded);
    return loaded;
  }

  async open(): Promise<Staging> {
    return new Staging(this.folder, (await this.load()).content, (): Milliseconds => milliseconds(this.now));
  }

  /** File names below the staging folder, by kind. */
  names(kind: 'level0' | 'snapshots'): readonly string[] {
    return readdirSync(this.folder[kind]).sort();
  }

  async dispose(): Promise<void> {
    for (const loaded of this.#opened) await loaded.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Page number to the byte its page is filled with, of one LTX file. */
export async function fillsOf(file: Pick<StagedFile, 'path'>): Promise<Readonly<Record<number, number>>> {
  const fills: Record<number, number> = {};
  for await (const batch of decodeLtx(createReadStream(file.path))) {
    for (const page of batch) fills[page.number] = page.data[0] ?? -1;
  }
  return fills;
}
