import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatFileName } from '../../ltx/file-name.ts';
import { type Bytes, bytes, type Txid, txid } from '../../quantities.ts';
import type { HeldFile } from '../levels/held-files.ts';
import type { Merge } from '../levels/merge-plan.ts';
import type { FileToUpload } from '../replica/upload.ts';

/** How far a replica's levels reach: TXID by level, from 0. */
export type LevelEnds = readonly Txid[];

/** A merged file, and what it was made of; undefined where that is not known well enough to be told from other files. */
interface Made {
  readonly file: FileToUpload;
  readonly inputs: string | undefined;
}

/**
 * Merged files of one database on this disk: those that the next level will be made of, so that they need not be read
 * back, and those that another replica will want too. Files of the same TXIDs may hold other histories in other replicas,
 * so they are told apart by their checksums. Of one run of the program only.
 */
export class MergedFiles {
  readonly #root: string;
  /** By path. */
  readonly #files = new Map<string, Made>();
  readonly #uses = new Map<string, number>();
  #count = 0;
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

  /** Where the file that a merge makes is to be written: a path of its own. */
  pathFor({ level, inputs }: Merge): string {
    this.#count += 1;
    const last = inputs.at(-1) ?? inputs[0];
    return join(this.folderOf(level), `${this.#count}-${formatFileName(inputs[0].minTxid, last.maxTxid)}`);
  }

  /** The copy of a file that a replica holds. */
  copyOf(held: HeldFile): FileToUpload | undefined {
    if (held.fileChecksum === undefined) return undefined;
    return this.#find(
      ({ file }) =>
        file.level === held.level && file.maxTxid === held.maxTxid && file.fileChecksum === held.fileChecksum,
    );
  }

  /** What was made of the very same files, for another replica. */
  madeBy(merge: Merge): FileToUpload | undefined {
    const wanted = inputsOf(merge);
    if (wanted === undefined) return undefined;
    return this.#find(({ file, inputs }) => file.level === merge.level && inputs === wanted);
  }

  add(file: FileToUpload, merge: Merge): void {
    this.#files.set(file.path, { file, inputs: inputsOf(merge) });
  }

  get size(): Bytes {
    return bytes([...this.#files.values()].reduce((sum, { file }) => sum + file.size, 0));
  }

  #find(isIt: (made: Made) => boolean): FileToUpload | undefined {
    return this.#files.values().find(isIt)?.file;
  }

  /** What a replica's levels reach by now; undefined: it is not kept up any more. */
  note(replica: string, ends: LevelEnds | undefined): void {
    if (ends === undefined) this.#readers.delete(replica);
    else this.#readers.set(replica, ends);
  }

  /** It stays until it is let go of as often: its upload may have to be tried again under the same name. */
  hold({ path }: FileToUpload): void {
    this.#uses.set(path, (this.#uses.get(path) ?? 0) + 1);
  }

  letGo({ path }: FileToUpload): void {
    const uses = (this.#uses.get(path) ?? 1) - 1;
    if (uses === 0) this.#uses.delete(path);
    else this.#uses.set(path, uses);
  }

  /** It cannot be read. */
  forget({ path }: FileToUpload): void {
    this.#files.delete(path);
  }

  /** Removes what no replica will want, and beyond `room` bytes the oldest, which then have to be read back. */
  async tidy(room: number): Promise<void> {
    const readers = [...this.#readers.values()];
    let left = this.size as number;
    for (const [path, { file }] of this.#files) {
      if (this.#uses.has(path)) continue;
      const isWanted = readers.some((ends) => isWantedBy(file, ends));
      if (isWanted && left <= room) continue;
      this.#files.delete(path);
      left -= file.size;
      await rm(path, { force: true }).catch(() => undefined);
    }
  }
}

function inputsOf({ inputs }: Merge): string | undefined {
  const checksums = inputs.map(({ fileChecksum }) => fileChecksum);
  return checksums.includes(undefined) ? undefined : checksums.join(' ');
}

/** It lacks the file itself, or the level above has not taken it in yet. */
function isWantedBy(file: FileToUpload, ends: LevelEnds): boolean {
  const own = ends[file.level] ?? txid(0);
  const above = ends[file.level + 1];
  return own < file.maxTxid || (above !== undefined && above < file.maxTxid);
}
