import { takeInventory } from '../restore/inventory.ts';
import { type LegacySegment, listGenerations, listSegments } from '../restore/legacy/generations.ts';
import type { ListOptions } from './inspect-options.ts';
import { listReplicas, type Origin, reportUnlisted } from './list-replicas.ts';
import { ltxCommand } from './ltx.ts';
import { listedTime, print, tableLines } from './text-table.ts';

type Found = Origin & { readonly segment: LegacySegment };

/**
 * Lists the WAL segments of Litestream 0.3 backups. Where there are none, but LTX files, those of level 0 are what came
 * in their place, and are listed. Resolves to the exit status.
 */
export async function walCommand(options: ListOptions): Promise<number> {
  const withLtx: string[] = [];
  const { items, errors } = await listReplicas(options, async (origin, signal) => {
    const { store } = origin.replica;
    const found: Found[] = [];
    for (const generation of await listGenerations(store, signal)) {
      if (options.generation !== undefined && generation !== options.generation) continue;
      const segments = await listSegments(store, generation, 0, signal);
      found.push(...segments.map((segment) => ({ ...origin, segment })));
    }
    if ((await takeInventory(store, signal)).files.length > 0) withLtx.push(store.url);
    return found;
  });
  for (const url of withLtx) {
    process.stderr.write(`hint: ${url} holds LTX files, which took the place of WAL segments: list them with "ltx"\n`);
  }
  if (items.length === 0 && withLtx.length > 0 && options.generation === undefined) return await ltxCommand(options);
  print(
    options.json,
    () => items.map(toJson),
    () => tableLines(['replica', 'generation', 'index', 'offset', 'size', 'created', 'database'], items.map(toRow)),
  );
  return reportUnlisted(errors);
}

function toJson({ database, replica, segment }: Found) {
  return {
    database: database ?? null,
    replica: replica.name,
    generation: segment.generation,
    index: segment.index,
    offset: segment.offset,
    size: segment.size,
    timestamp: listedTime(segment.lastModified),
    key: segment.key,
  };
}

/** The first six columns are those of Litestream 0.3. */
function toRow({ database, replica, segment }: Found): readonly string[] {
  const { generation, index, offset, size, lastModified } = segment;
  return [replica.name, generation, ...[index, offset, size].map(String), listedTime(lastModified), database ?? '-'];
}
