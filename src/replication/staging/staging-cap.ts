import type { Bytes, Txid } from '../../quantities.ts';
import type { StagedFile } from './staged-files.ts';

/** One replica as the staging folder sees it. */
export interface StagingReader {
  /** It needs no file up to this TXID; undefined while that is not known. */
  readonly position: Txid | undefined;
  /** It still merges level-0 files above this TXID, and would have to read them back; undefined: it does not merge. */
  readonly mergedUpTo?: Txid | undefined;
  /** It waits for the staged snapshot, or for one to be staged. */
  readonly wantsSnapshot: boolean;
  /** It answers, so what it lacks will go soon. */
  readonly reachable: boolean;
}

export interface StagingPlan {
  /** Every replica has these: they can go. The newest file always stays, as stock Litestream needs it. */
  readonly finished: readonly StagedFile[];
  /** These go because the cap says so; replicas that lack one of them get a new snapshot when they return. */
  readonly dropped: readonly StagedFile[];
}

/**
 * What may leave the staging folder, given its level-0 files in TXID order.
 *
 * A replica keeps its own last file staged too: its checksum is what proves later that the replica still ends there.
 * The cap never takes a file that a replica which answers is still waiting for.
 */
export function planStaging(files: readonly StagedFile[], readers: readonly StagingReader[], cap: Bytes): StagingPlan {
  const newest = files.at(-1)?.maxTxid ?? 0;
  const neededFrom = (reader: StagingReader) => reader.position ?? 0;
  const everywhere = Math.min(newest, ...readers.map(neededFrom));
  const merged = Math.min(...readers.map((reader) => (reader.mergedUpTo ?? newest) + 1));
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const finished: StagedFile[] = [];
  let left = total;
  for (const file of files) {
    // Kept to be merged, as far as there is room; a replica has it, so it can be read back.
    if (file.maxTxid >= everywhere || (file.maxTxid >= merged && left <= cap)) break;
    finished.push(file);
    left -= file.size;
  }

  const reachableFrom = Math.min(newest, ...readers.filter((reader) => reader.reachable).map(neededFrom));
  const waiting = files.slice(finished.length);
  const dropped: StagedFile[] = [];
  for (const file of waiting) {
    if (left <= cap || file.maxTxid >= reachableFrom) break;
    dropped.push(file);
    left -= file.size;
  }
  return { finished, dropped };
}
