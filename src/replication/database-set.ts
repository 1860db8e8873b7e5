import type { DatabaseConfig } from '../config/config.ts';
import { placeOf } from '../config/same-place.ts';
import { StationError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import type { HandoverRequest } from '../supervisor/replication-port.ts';
import { SerialQueue } from '../wal/serial-queue.ts';
import { DatabaseReplication } from './database-replication.ts';
import type { ReplicationClocks, ReplicationSettings } from './replication-settings.ts';
import { SeveralAtATime } from './several-at-a-time.ts';

/** Connections and memory of a restore are not had 200 times at once. */
const PREPARED_AT_ONCE = 8;

export interface DatabaseSetOptions {
  readonly settings: ReplicationSettings;
  readonly log: Log;
  readonly clocks: ReplicationClocks;
}

/** The databases that are replicated now: those of the config, and those found in its folders. */
export class DatabaseSet {
  readonly #options: DatabaseSetOptions;
  readonly #mergeTurn = new SerialQueue();
  readonly #turns = new SeveralAtATime(PREPARED_AT_ONCE);
  readonly #databases = new Map<string, DatabaseReplication>();
  /** By the place of a replica: the database that goes there. */
  readonly #places = new Map<string, string>();
  readonly #failure = Promise.withResolvers<StationError>();
  readonly #handover = Promise.withResolvers<HandoverRequest>();

  constructor(options: DatabaseSetOptions) {
    this.#options = options;
  }

  /** Resolves if another writer fenced this one; never otherwise. */
  get failed(): Promise<StationError> {
    return this.#failure.promise;
  }

  /** Resolves if another instance asks for a lease; never otherwise. */
  get handover(): Promise<HandoverRequest> {
    return this.#handover.promise;
  }

  get all(): readonly DatabaseReplication[] {
    return [...this.#databases.values()];
  }

  has(path: string): boolean {
    return this.#databases.has(path);
  }

  /**
   * Takes a database in; it is to be prepared next.
   * @param appeared it is there and came while the command runs: nothing is ever restored in its place
   * @throws StationError CONFIG_VALUE where the database, or a place of its replicas, belongs to one of the set already
   */
  add(database: DatabaseConfig, appeared = false): DatabaseReplication {
    const places = database.replicas.map(({ store }) => placeOf(store));
    this.#refuseTwice(database, places);
    const { settings, log, clocks } = this.#options;
    const replication = new DatabaseReplication(
      {
        database,
        settings: appeared ? { ...settings, onConflict: 'keep-local' } : settings,
        ifAbsent: appeared ? 'leave' : 'restore',
        clocks,
        log: log.with({ db: database.path }),
      },
      this.#mergeTurn,
    );
    this.#databases.set(database.path, replication);
    for (const place of places) this.#places.set(place, database.path);
    void replication.failed.then(this.#failure.resolve);
    void replication.handover.then(this.#handover.resolve);
    return replication;
  }

  /** Prepares one, a few at a time. @throws what preparing throws; the signal's reason on abort */
  async prepare(replication: DatabaseReplication, signal: AbortSignal): Promise<void> {
    await this.#turns.run(async () => {
      signal.throwIfAborted();
      await replication.prepare(signal);
    });
  }

  /** Closes a database and forgets it. Its replicas stay as they are. */
  async drop(path: string): Promise<void> {
    const replication = this.#databases.get(path);
    if (replication === undefined) return;
    await replication.close();
    this.#databases.delete(path);
    for (const [place, owner] of this.#places) if (owner === path) this.#places.delete(place);
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((replication) => replication.close()));
  }

  #refuseTwice({ path, replicas, where }: DatabaseConfig, places: readonly string[]): void {
    if (this.#databases.has(path)) {
      throw new StationError('CONFIG_VALUE', `${where}: ${path} is meant by another entry of "dbs" too`, {
        hint: 'write patterns that have no file in common',
      });
    }
    for (const [index, place] of places.entries()) {
      const owner = this.#places.get(place);
      if (owner === undefined) continue;
      const name = replicas[index]?.name;
      throw new StationError(
        'CONFIG_VALUE',
        `${where}: ${path} and ${owner} would share one place in replica ${name}`,
        {
          hint: 'give each entry of "dbs" a path of its own in the replica',
        },
      );
    }
  }
}
