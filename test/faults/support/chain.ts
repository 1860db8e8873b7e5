import { parseLtxKey } from '../../../src/storage/key-layout.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import type { StoreOptions } from '../../../src/storage/store-options.ts';

/** What a replica holds, by the names of its files. */
export interface Chain {
  /** TXIDs at level 0, rising. */
  readonly level0: readonly number[];
  /** Ends of its files of the whole database, level-0 ones included. */
  readonly snapshots: readonly number[];
}

export async function readChain(where: StoreOptions): Promise<Chain> {
  const store = await openStore(where);
  try {
    const level0: number[] = [];
    const snapshots: number[] = [];
    for await (const { key } of store.list('')) {
      const parsed = parseLtxKey(store.layout, key);
      if (parsed === undefined) continue;
      if (parsed.level === 0) level0.push(parsed.maxTxid);
      if (parsed.minTxid === 1) snapshots.push(parsed.maxTxid);
    }
    return { level0: level0.sort((a, b) => a - b), snapshots };
  } finally {
    await store.close();
  }
}

/** TXIDs that no file brings, though later ones are there and no snapshot leads over them. */
export function gapsOf({ level0, snapshots }: Chain): readonly number[] {
  const newest = level0.at(-1) ?? 0;
  const from = Math.max(0, ...snapshots.filter((end) => end <= newest));
  const held = new Set(level0);
  const gaps: number[] = [];
  for (let txid = from + 1; txid <= newest; txid += 1) if (!held.has(txid)) gaps.push(txid);
  return gaps;
}
