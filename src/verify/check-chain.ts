import type { Txid } from '../quantities.ts';
import { txid } from '../quantities.ts';
import type { Inventory, ReplicaFile } from '../restore/inventory.ts';
import type { TxidRange } from '../restore/plan.ts';

/** TXIDs that no file holds, and the files behind them, which no chain leads to. */
export interface ChainGap {
  readonly missing: TxidRange;
  readonly behind: readonly [ReplicaFile, ...ReplicaFile[]];
}

/** What the names of a replica's LTX files say of the states that can be restored. */
export interface ChainFinding {
  readonly gaps: readonly ChainGap[];
  /** Files of states before the oldest that can be restored: retention has not come to them yet. */
  readonly leftOver: readonly ReplicaFile[];
  /** Files that are shorter than any LTX file. */
  readonly tooShort: readonly ReplicaFile[];
}

/** The size of an LTX header and trailer, without a page. */
const LEAST_SIZE = 100 + 16;

/**
 * Holds the names against each other: each file must begin no later than one past the end of a chain that reaches it.
 * Levels may overlap, and numbers may be skipped where a whole copy takes up the chain. O(n log n).
 */
export function checkChain({ files }: Pick<Inventory, 'files'>): ChainFinding {
  const tooShort = files.filter(({ size }) => size < LEAST_SIZE);
  const usable = files.filter(({ size }) => size >= LEAST_SIZE);
  const gaps: { missing: TxidRange; behind: [ReplicaFile, ...ReplicaFile[]] }[] = [];
  const leftOver: ReplicaFile[] = [];
  let reached = 0;
  /** How far the files behind the last gap lead. */
  let island = 0;
  for (const file of usable.toSorted((a, b) => a.maxTxid - b.maxTxid || a.minTxid - b.minTxid)) {
    if (file.minTxid === 1 || reached >= file.minTxid - 1) reached = file.maxTxid;
    else if (reached === 0 && beginsLater(usable, file.maxTxid)) leftOver.push(file);
    else {
      const last = gaps.at(-1);
      if (last !== undefined && island > reached && island >= file.minTxid - 1) last.behind.push(file);
      else gaps.push({ missing: gap(Math.max(reached, island), file), behind: [file] });
      island = file.maxTxid;
    }
  }
  return { gaps, leftOver, tooShort };
}

function beginsLater(files: readonly ReplicaFile[], end: Txid): boolean {
  return files.some(({ minTxid, maxTxid }) => minTxid === 1 && maxTxid >= end);
}

function gap(reached: number, { minTxid }: ReplicaFile): TxidRange {
  return { from: txid(reached + 1), to: txid(minTxid - 1) };
}
