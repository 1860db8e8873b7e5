import type { Bytes, Milliseconds, Txid } from '../../quantities.ts';
import type { Inventory } from '../../restore/inventory.ts';
import { isLargeEnough } from '../../restore/plan.ts';

/** The level that snapshots are at, above all that is merged. */
export const SNAPSHOT_LEVEL = 9;

/** One LTX file that a replica holds. */
export interface HeldFile {
  readonly level: number;
  readonly minTxid: Txid;
  readonly maxTxid: Txid;
  readonly size: Bytes;
  /** When the state it ends with was captured: from its header, or of a file that was only listed the store's time of it. */
  readonly time: Milliseconds;
  readonly timeFrom: 'header' | 'listing';
  /** When it was put there. */
  readonly storedAt: Milliseconds;
  /** Its last 8 bytes, where this process has put it: of one that was only listed they are not known. */
  readonly fileChecksum?: string;
}

/** What a replica holds, from one listing and then from what is put and deleted: so it need not be listed again. */
export interface Holdings {
  /** The files of one level, by the TXID they end with. */
  level(level: number): readonly HeldFile[];
  /** The TXID a level reaches; 0 where it is empty. */
  end(level: number): Txid;
  /** The highest TXID of all levels. */
  readonly newest: Txid;
}

/** The levels that hold files, from 0 to the snapshots. */
export const LEVELS = [0, 1, 2, 3, 4, 5, 6, 7, 8, SNAPSHOT_LEVEL] as const;

export class HeldFiles implements Holdings {
  readonly #levels: HeldFile[][] = Array.from({ length: SNAPSHOT_LEVEL + 1 }, () => []);

  constructor(files: Iterable<HeldFile> = []) {
    for (const file of files) this.add(file);
  }

  level(level: number): readonly HeldFile[] {
    return this.#levels[level] ?? [];
  }

  end(level: number): Txid {
    return this.level(level).at(-1)?.maxTxid ?? (0 as Txid);
  }

  get newest(): Txid {
    return Math.max(...LEVELS.map((level) => this.end(level))) as Txid;
  }

  /** Adds a file; of one that is held already, what is known of its times is made better. */
  add(file: HeldFile): void {
    const files = this.#levels[file.level];
    if (files === undefined) return;
    const at = firstEndingAtOrAbove(files, file.maxTxid, file.minTxid);
    const there = files[at];
    if (there?.maxTxid !== file.maxTxid || there.minTxid !== file.minTxid) files.splice(at, 0, file);
    else if (file.timeFrom === 'header') files[at] = file;
  }

  remove(gone: Iterable<HeldFile>): void {
    const byLevel = Map.groupBy(gone, (file) => file.level);
    for (const [level, files] of byLevel) {
      const ids = new Set(files.map(idOf));
      this.#levels[level] = this.level(level).filter((file) => !ids.has(idOf(file)));
    }
  }

  /** A file's own time, once its header was read. */
  settleTime(file: HeldFile, time: Milliseconds): void {
    this.add({ ...file, time, timeFrom: 'header' });
  }

  all(): readonly HeldFile[] {
    return this.#levels.flat();
  }
}

/**
 * What a listing tells. Names whose objects are too small to be LTX files are left out, as a restore leaves them out:
 * nothing may rest on them.
 */
export function heldFilesOf(inventory: Inventory): HeldFiles {
  return new HeldFiles(
    inventory.files.filter(isLargeEnough).map(({ level, minTxid, maxTxid, size, lastModified }) => ({
      level,
      minTxid,
      maxTxid,
      size,
      time: lastModified,
      timeFrom: 'listing',
      storedAt: lastModified,
    })),
  );
}

/** Where the files that end above a TXID begin, in files by the TXID they end with. */
export function firstEndingAbove(files: readonly HeldFile[], end: Txid): number {
  return firstEndingAtOrAbove(files, (end + 1) as Txid, 0 as Txid);
}

function firstEndingAtOrAbove(files: readonly HeldFile[], maxTxid: Txid, minTxid: Txid): number {
  let low = 0;
  let high = files.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const file = files[middle] as HeldFile;
    if (file.maxTxid < maxTxid || (file.maxTxid === maxTxid && file.minTxid < minTxid)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Tells one file of a replica from the others. */
export function idOf({ level, minTxid, maxTxid }: Pick<HeldFile, 'level' | 'minTxid' | 'maxTxid'>): string {
  return `${level}/${minTxid}-${maxTxid}`;
}
