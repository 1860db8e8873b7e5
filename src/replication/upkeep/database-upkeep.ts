import type { DatabaseConfig, ReplicaConfig } from '../../config/config.ts';
import type { StationError } from '../../errors.ts';
import type { Lease } from '../../lease/lease.ts';
import { keepLevel0From } from '../../lease/takeover-points.ts';
import type { Log } from '../../observe/log.ts';
import { type Txid, txid } from '../../quantities.ts';
import type { Inventory } from '../../restore/inventory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { SerialQueue } from '../../wal/serial-queue.ts';
import type { HeldFile } from '../levels/held-files.ts';
import type { ReplicationClocks } from '../replication-settings.ts';
import { firstAbove } from '../staging/staged-files.ts';
import type { Staging } from '../staging/staging.ts';
import { DatabaseSnapshots, type TakenSnapshot } from './database-snapshots.ts';
import { MergedFiles } from './merged-files.ts';
import { ReplicaUpkeep } from './replica-upkeep.ts';
import { upkeepLog } from './upkeep-log.ts';
import { upkeepSettings } from './upkeep-settings.ts';

/** One replica that is to be kept up. */
export interface KeptReplica {
  readonly config: ReplicaConfig;
  readonly store: ObjectStore;
  /** Hands over what was listed of it just now, where it was. */
  readonly takeListing: () => Inventory | undefined;
  readonly lease: Lease | undefined;
  readonly position: () => Txid | undefined;
  readonly fenced: (error: StationError) => void;
  /** Carries `db` and `replica`. */
  readonly log: Log;
}

/** What the upkeep of all replicas of one database shares. */
export class DatabaseUpkeep {
  readonly #database: DatabaseConfig;
  readonly #staging: Staging;
  readonly #clocks: ReplicationClocks;
  readonly #turn: SerialQueue;
  readonly #merged: MergedFiles;
  readonly #snapshots: DatabaseSnapshots;
  readonly #replicas = new Map<string, ReplicaUpkeep>();

  /** @param folder of its own, within the staging folder */
  constructor(
    database: DatabaseConfig,
    staging: Staging,
    folder: string,
    takeSnapshot: () => Promise<TakenSnapshot | undefined>,
    clocks: ReplicationClocks,
    turn: SerialQueue,
  ) {
    this.#database = database;
    this.#staging = staging;
    this.#clocks = clocks;
    this.#turn = turn;
    this.#merged = new MergedFiles(folder);
    this.#snapshots = new DatabaseSnapshots(this.#merged.folderOf(9), takeSnapshot, () => this.#wakeAll());
  }

  add({ config, store, takeListing, lease, position, fenced, log }: KeptReplica): void {
    const { wall, monotonic, random } = this.#clocks;
    const upkeep = new ReplicaUpkeep({
      replica: config.name,
      store,
      takeListing,
      settings: upkeepSettings(this.#database.compaction, config),
      position,
      permit: lease,
      level0KeptFrom: () => keepLevel0From(lease?.record?.station?.takeovers ?? [], wall()),
      stagedCopy: (file) => this.#stagedCopy(file),
      merged: this.#merged,
      room: () => Math.max(0, this.#database.stagingMaxBytes - this.#staging.size),
      snapshots: this.#snapshots,
      turn: this.#turn,
      events: { ...upkeepLog(log, monotonic), fenced },
      wallClock: wall,
      monotonicClock: monotonic,
      random,
    });
    this.#replicas.set(config.name, upkeep);
  }

  /** @throws what the disk throws */
  async start(): Promise<void> {
    await this.#merged.clear();
    for (const upkeep of this.#replicas.values()) upkeep.start();
  }

  of(replica: string): ReplicaUpkeep | undefined {
    return this.#replicas.get(replica);
  }

  /** Breaks off what is under way. The database is let go of when this returns; a store may take longer. */
  async breakOff(): Promise<void> {
    void this.stop();
    await this.#snapshots.stop();
  }

  /** The same, and nothing is under way any more when this returns. */
  async stop(): Promise<void> {
    await Promise.all([this.#snapshots.stop(), ...[...this.#replicas.values()].map((upkeep) => upkeep.stop())]);
    // Of no use to the next run. What cannot be removed now is removed then.
    await this.#merged.clear().catch(() => undefined);
  }

  #wakeAll(): void {
    for (const upkeep of this.#replicas.values()) upkeep.wake();
  }

  /** By its checksum: a file of the same name, and often of the same size, may be of another history. */
  #stagedCopy(file: HeldFile): string | undefined {
    const { level0 } = this.#staging;
    const staged = level0[firstAbove(level0, txid(file.minTxid - 1))];
    return staged?.maxTxid === file.maxTxid && staged.fileChecksum === file.fileChecksum ? staged.path : undefined;
  }
}
