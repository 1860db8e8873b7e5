import { formatTxid } from '../ltx/file-name.ts';
import { type ReplicaFile, takeInventory } from '../restore/inventory.ts';
import type { ListOptions } from './inspect-options.ts';
import { listReplicas, type Origin, reportUnlisted } from './list-replicas.ts';
import { listedTime, print, tableLines } from './text-table.ts';

type Found = Origin & { readonly file: ReplicaFile };

/** Lists the LTX files of replicas, by level and TXID. Resolves to the exit status. */
export async function ltxCommand(options: ListOptions): Promise<number> {
  const { items, errors } = await listReplicas(options, async (origin, signal) => {
    const { files } = await takeInventory(origin.replica.store, signal);
    const wanted = files.filter(({ level }) => options.level === 'all' || level === options.level);
    return wanted.map((file): Found => ({ ...origin, file }));
  });
  print(
    options.json,
    () => items.map(toJson),
    () => tableLines(['level', 'min_txid', 'max_txid', 'size', 'created', 'replica', 'database'], items.map(toRow)),
  );
  return reportUnlisted(errors);
}

/** The first five are Litestream's. */
function toJson({ database, replica, file }: Found) {
  return {
    level: file.level,
    min_txid: formatTxid(file.minTxid),
    max_txid: formatTxid(file.maxTxid),
    size: file.size,
    timestamp: listedTime(file.lastModified),
    replica: replica.name,
    database: database ?? null,
    key: file.key,
  };
}

function toRow({ database, replica, file }: Found): readonly string[] {
  return [
    String(file.level),
    formatTxid(file.minTxid),
    formatTxid(file.maxTxid),
    String(file.size),
    listedTime(file.lastModified),
    replica.name,
    database ?? '-',
  ];
}
