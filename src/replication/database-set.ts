import type { DatabaseConfig } from '../config/config.ts';
import { placeOf } from '../config/same-place.ts';
import { StationError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import type { HandoverRequest, ReplicaDrain } from '../supervisor/replication-port.ts';
import { SerialQueue } from '../wal/serial-queue.ts';
import { DatabaseReplication } from './database-replication.ts';
import type { ReplicationClocks, ReplicationSettings } from './replication-settings.ts';
import { SeveralAtATime } from './several-at-a-time.ts';

/** Connections and memory of a restore are not had 200 times at once. */
const PREPARED_AT_ONCE = 8;
const CLOSED_AT_ONCE = 16;
/** After this long, in milliseconds, none waits for its turn any more: the store may not be answering at all. */
const CLOSE_PATIENCE = 3_000;

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
  readonly #closeTurns = new SeveralAtATime(CLOSED_AT_ONCE);
  readonly #closing = new Map<DatabaseReplication, Promise<void>>();
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
    await this.#close(replication);
    this.#closing.delete(replication);
    this.#databases.delete(path);
    for (const [place, owner] of this.#places) if (owner === path) this.#places.delete(place);
  }

  /** The last capture and upload of each, and the end of those that are complete. */
  async drain(timeUp: AbortSignal): Promise<readonly ReplicaDrain[]> {
    const draining = this.all.map(async (replication) => {
      const replicas = await replication.drain(timeUp);
      // Leases are given back while others are still being drained: 200 at the very end would not be in time.
      if (replicas.every(({ complete }) => complete)) void this.#close(replication);
      return replicas;
    });
    return (await Promise.all(draining)).flat();
  }

  async close(): Promise<void> {
    const impatience = setTimeout(() => this.#closeTurns.letAllRun(), CLOSE_PATIENCE);
    await Promise.all(this.all.map((replication) => this.#close(replication)));
    clearTimeout(impatience);
  }

  /** A few at a time: a store that is given 200 leases at once answers the last ones too late. */
  #close(replication: DatabaseReplication): Promise<void> {
    const closing = this.#closing.get(replication) ?? this.#closeTurns.run(() => replication.close());
    this.#closing.set(replication, closing);
    return closing;
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
