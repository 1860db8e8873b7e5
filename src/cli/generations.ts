import { statSync } from 'node:fs';
import { formatDuration } from '../config/duration.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import { takeInventory } from '../restore/inventory.ts';
import { listGeneration, listGenerations } from '../restore/legacy/generations.ts';
import type { ListOptions } from './inspect-options.ts';
import { listReplicas, type Origin, reportUnlisted } from './list-replicas.ts';
import { listedTime, print, tableLines } from './text-table.ts';

interface Found extends Origin {
  readonly generation: string;
  /** By the store's times of its objects. */
  readonly start: Milliseconds;
  readonly end: Milliseconds;
  /** How much later the database was written to, or now where it is not here. */
  readonly lag: Milliseconds;
}

/** Lists the generations of Litestream 0.3 backups. Resolves to the exit status. */
export async function generationsCommand(options: ListOptions): Promise<number> {
  const withoutGenerations: string[] = [];
  const { items, errors } = await listReplicas(options, async (origin, signal) => {
    const { store } = origin.replica;
    const written = lastWritten(origin.database) ?? Date.now();
    const found: Found[] = [];
    for (const name of await listGenerations(store, signal)) {
      const { snapshots, segments } = await listGeneration(store, name, signal);
      const times = [...snapshots, ...segments].map(({ lastModified }) => lastModified);
      if (times.length === 0) continue;
      const [start, end] = extremes(times);
      found.push({
        ...origin,
        generation: name,
        start,
        end,
        lag: milliseconds(Math.max(0, Math.round(written - end))),
      });
    }
    if (found.length === 0 && (await takeInventory(store, signal)).files.length > 0) withoutGenerations.push(store.url);
    return found.sort((a, b) => a.start - b.start);
  });
  print(
    options.json,
    () => items.map(toJson),
    () => tableLines(['name', 'generation', 'lag', 'start', 'end', 'database'], items.map(toRow)),
  );
  for (const url of withoutGenerations) {
    process.stderr.write(`hint: ${url} holds LTX files, which have no generations: list them with "ltx"\n`);
  }
  return reportUnlisted(errors);
}

/** Lists of any length, without spreading them over the stack. */
function extremes(times: readonly Milliseconds[]): readonly [Milliseconds, Milliseconds] {
  const [least, most] = times.reduce(([least, most], time) => [Math.min(least, time), Math.max(most, time)] as const, [
    Number.POSITIVE_INFINITY,
    0,
  ] as readonly [number, number]);
  return [milliseconds(least), milliseconds(most)];
}

function lastWritten(database: string | undefined): number | undefined {
  if (database === undefined) return undefined;
  const times = [database, `${database}-wal`].flatMap(
    (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? [],
  );
  return times.length === 0 ? undefined : Math.max(...times);
}

function toJson({ database, replica, generation, start, end, lag }: Found) {
  return {
    database: database ?? null,
    replica: replica.name,
    generation,
    lag_ms: lag,
    start: listedTime(start),
    end: listedTime(end),
  };
}

/** The first five columns are those of Litestream 0.3. */
function toRow({ database, replica, generation, start, end, lag }: Found): readonly string[] {
  const rounded = milliseconds(lag < 1000 ? lag : Math.round(lag / 1000) * 1000);
  return [replica.name, generation, formatDuration(rounded), listedTime(start), listedTime(end), database ?? '-'];
}
