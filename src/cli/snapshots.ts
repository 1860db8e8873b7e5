import { formatTxid } from '../ltx/file-name.ts';
import type { Bytes, Milliseconds, Txid } from '../quantities.ts';
import { takeInventory } from '../restore/inventory.ts';
import { listGenerations, listSnapshots } from '../restore/legacy/generations.ts';
import type { ListOptions } from './inspect-options.ts';
import { listReplicas, type Origin, reportUnlisted } from './list-replicas.ts';
import { listedTime, print, tableLines } from './text-table.ts';

const SNAPSHOT_LEVEL = 9;

type Found = Origin & {
  readonly key: string;
  readonly size: Bytes;
  readonly created: Milliseconds;
  readonly point:
    | { readonly format: 'ltx'; readonly txid: Txid }
    | { readonly format: 'litestream-0.3'; readonly generation: string; readonly index: number };
};

/** Lists whole copies of the database: LTX snapshots, and those of Litestream 0.3 before them. Resolves to the exit status. */
export async function snapshotsCommand(options: ListOptions): Promise<number> {
  const { items, errors } = await listReplicas(options, async (origin, signal) => {
    const { store } = origin.replica;
    const found: Found[] = [];
    for (const generation of await listGenerations(store, signal)) {
      for (const { key, size, lastModified, index } of await listSnapshots(store, generation, signal)) {
        const point = { format: 'litestream-0.3', generation, index } as const;
        found.push({ ...origin, key, size, created: lastModified, point });
      }
    }
    found.sort((a, b) => a.created - b.created);
    for (const { key, size, lastModified, level, maxTxid } of (await takeInventory(store, signal)).files) {
      if (level !== SNAPSHOT_LEVEL) continue;
      found.push({ ...origin, key, size, created: lastModified, point: { format: 'ltx', txid: maxTxid } });
    }
    return found;
  });
  print(
    options.json,
    () => items.map(toJson),
    () => tableLines(['replica', 'generation', 'index', 'size', 'created', 'txid', 'database'], items.map(toRow)),
  );
  return reportUnlisted(errors);
}

function toJson({ database, replica, key, size, created, point }: Found) {
  return {
    database: database ?? null,
    replica: replica.name,
    format: point.format,
    txid: point.format === 'ltx' ? formatTxid(point.txid) : null,
    generation: point.format === 'ltx' ? null : point.generation,
    index: point.format === 'ltx' ? null : point.index,
    size,
    timestamp: listedTime(created),
    key,
  };
}

/** The first five columns are those of Litestream 0.3. */
function toRow({ database, replica, size, created, point }: Found): readonly string[] {
  const [generation, index, txid] =
    point.format === 'ltx' ? ['-', '-', formatTxid(point.txid)] : [point.generation, String(point.index), '-'];
  return [replica.name, generation, index, String(size), listedTime(created), txid, database ?? '-'];
}
