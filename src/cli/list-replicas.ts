import { StationError, toStationError } from '../errors.ts';
import type { NamedReplica } from '../restore/restore-target.ts';
import { chooseReplicas, withStores } from './chosen-replicas.ts';
import type { ListOptions } from './inspect-options.ts';

/** How long one replica may take to list itself, with its retries. */
const PATIENCE = 300_000;

export interface Origin {
  /** Undefined for a replica named by its URL. */
  readonly database: string | undefined;
  readonly replica: NamedReplica;
}

export interface Listing<Item> {
  readonly items: readonly Item[];
  /** Of the replicas that could not be listed; others are listed all the same. */
  readonly errors: readonly StationError[];
}

/**
 * Asks every chosen replica, side by side, for what it holds of some kind; in the order of the config.
 * @throws StationError USAGE, CONFIG_*
 */
export async function listReplicas<Item>(
  options: ListOptions,
  list: (origin: Origin, signal: AbortSignal) => Promise<readonly Item[]>,
): Promise<Listing<Item>> {
  const { chosen } = chooseReplicas(options);
  const origins = chosen.flatMap(({ database, replicas }) => replicas.map((config) => ({ database, config })));
  const asked = await withStores(
    origins.map(({ config }) => config),
    async (opened) =>
      await Promise.all(
        opened.map(async (replica, index) => {
          const signal = AbortSignal.timeout(PATIENCE);
          try {
            return await list({ database: origins[index]?.database?.path, replica }, signal);
          } catch (error) {
            if (!signal.aborted) return toStationError(error);
            return new StationError(
              'STORAGE_UNREACHABLE',
              `${replica.store.url} did not answer in ${PATIENCE / 1000} s`,
            );
          }
        }),
      ),
  );
  const errors = asked.filter((answer) => answer instanceof StationError);
  return { items: asked.flatMap((answer) => (answer instanceof StationError ? [] : answer)), errors };
}

/** Says what could not be listed. Returns the exit status: that of the first of them. */
export function reportUnlisted(errors: readonly StationError[]): number {
  for (const { message, hint } of errors) process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  return errors[0]?.exitStatus ?? 0;
}
