import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bytes, bytes, type Txid, txid } from '../../quantities.ts';
import { idOf } from '../levels/held-files.ts';
import type { FileToUpload } from '../replica/upload.ts';

/** How far a replica's levels reach: TXID by level, from 0. */
export type LevelEnds = readonly Txid[];

/** What identifies a file of a level. */
type Named = Pick<FileToUpload, 'level' | 'minTxid' | 'maxTxid' | 'size'>;

/**
 * Merged files of one database on this disk: those that the next level will be made of, so that they need not be read
 * back, and those that another replica will want too. Of one run of the program only: after a restart the same TXIDs
 * might be those of another history.
 */
export class MergedFiles {
  readonly #root: string;
  readonly #files = new Map<string, FileToUpload>();
  readonly #uses = new Map<string, number>();
  /** What each replica that is kept up holds. */
  readonly #readers = new Map<string, LevelEnds>();

  /** @param root a folder of its own */
  constructor(root: string) {
    this.#root = root;
  }

  /** Forgets what an earlier run left. */
  async clear(): Promise<void> {
    this.#files.clear();
    await rm(this.#root, { recursive: true, force: true });
    await mkdir(this.#root, { recursive: true });
  }

  folderOf(level: number): string {
    return join(this.#root, String(level));
  }

  find(named: Pick<Named, 'level' | 'minTxid' | 'maxTxid'>): FileToUpload | undefined {
    return this.#files.get(idOf(named));
  }

  add(file: FileToUpload): void {
    this.#files.set(idOf(file), file);
  }

  get size(): Bytes {
    return bytes([...this.#files.values()].reduce((sum, file) => sum + file.size, 0));
  }

  /** What a replica's levels reach by now; undefined: it is not kept up any more. */
  note(replica: string, ends: LevelEnds | undefined): void {
    if (ends === undefined) this.#readers.delete(replica);
    else this.#readers.set(replica, ends);
  }

  /** While it is uploaded, it stays. */
  async using<T>(file: FileToUpload, work: () => Promise<T>): Promise<T> {
    const id = idOf(file);
    this.#uses.set(id, (this.#uses.get(id) ?? 0) + 1);
    try {
      return await work();
    } finally {
      this.#uses.set(id, (this.#uses.get(id) ?? 1) - 1);
      if (this.#uses.get(id) === 0) this.#uses.delete(id);
    }
  }

  /** Removes what no replica will want, and beyond `room` bytes the oldest, which then have to be read back. */
  async tidy(room: number): Promise<void> {
    const readers = [...this.#readers.values()];
    let left = this.size as number;
    for (const [id, file] of this.#files) {
      if (this.#uses.has(id)) continue;
      const isWanted = readers.some((ends) => isWantedBy(file, ends));
      if (isWanted && left <= room) continue;
      this.#files.delete(id);
      left -= file.size;
      await rm(file.path, { force: true }).catch(() => undefined);
    }
  }
}

/** It lacks the file itself, or the level above has not taken it in yet. */
function isWantedBy(file: FileToUpload, ends: LevelEnds): boolean {
  const own = ends[file.level] ?? txid(0);
  const above = ends[file.level + 1];
  return own < file.maxTxid || (above !== undefined && above < file.maxTxid);
}
