import type { DatabaseState, SyncOutcome } from '../control/controlled.ts';
import type { StationError } from '../errors.ts';
import { milliseconds, type Txid, txid } from '../quantities.ts';
import type { ReplicaDrain } from '../supervisor/replication-port.ts';
import { aborted } from '../waiting.ts';
import type { Follower } from '../wal/follower.ts';
import { openFollower } from '../wal/open-follower.ts';
import type { SerialQueue } from '../wal/serial-queue.ts';
import { DatabaseVerification } from './database-verification.ts';
import { lastSync } from './last-sync.ts';
import type { PrepareOptions } from './replication-settings.ts';
import { RunningReplica } from './running-replica.ts';
import type { PreparedDatabase } from './start/prepare-database.ts';
import { noUploads, type UploadsEnd } from './start/replica-leases.ts';
import { syncLog } from './sync/sync-log.ts';
import { SyncLoop } from './sync/sync-loop.ts';
import { DatabaseUpkeep } from './upkeep/database-upkeep.ts';

/** What runs for one prepared database: the captures, the uploads, the upkeep and the verification of its replicas. */
export class RunningDatabase {
  readonly #path: string;
  readonly #prepared: PreparedDatabase;
  readonly #replicas: readonly RunningReplica[];
  readonly #upkeep: DatabaseUpkeep;
  readonly #verification: DatabaseVerification;
  readonly #loop: SyncLoop;
  #isFinishing = false;

  /**
   * Opens the database for what is to be started then.
   * @param mergeTurn one for all databases of the process
   * @param fenced called when another writer has fenced this one at a replica
   */
  static async open(
    options: PrepareOptions,
    prepared: PreparedDatabase,
    mergeTurn: SerialQueue,
    fenced: (error: StationError) => void,
  ): Promise<RunningDatabase> {
    const { database, log } = options;
    let loop: SyncLoop | undefined;
    const follower = await openFollower({
      path: database.path,
      spillFolder: prepared.folder.spill,
      known: prepared.known,
      events: {
        committed: () => loop?.committed(),
        replaced: () => {
          log.warn('the database file was replaced: the new one is replicated above the old, which stays restorable');
          loop?.committed();
        },
        notice: ({ level, message, fields }) => log[level](message, fields),
      },
    });
    const running = new RunningDatabase(options, prepared, follower, mergeTurn, fenced);
    loop = running.#loop;
    return running;
  }

  private constructor(
    options: PrepareOptions,
    prepared: PreparedDatabase,
    follower: Follower,
    mergeTurn: SerialQueue,
    fenced: (error: StationError) => void,
  ) {
    const { database, clocks, log } = options;
    const { staging, folder } = prepared;
    const takeSnapshot = async () => await this.#loop.takeSnapshot();
    // Files are captured as often as the most demanding replica asks.
    const interval = milliseconds(Math.min(...database.replicas.map((replica) => replica.syncInterval)));
    this.#path = database.path;
    this.#prepared = prepared;
    this.#upkeep = new DatabaseUpkeep(database, staging, folder.levels, takeSnapshot, clocks, mergeTurn);
    this.#verification = new DatabaseVerification(options, takeSnapshot);
    this.#replicas = prepared.replicas.map(
      (replica) =>
        new RunningReplica(replica, staging, this.#upkeep, interval, options, {
          uploaded: () => this.#loop.uploaded(),
          wantsSnapshot: (above) => this.#loop.wantSnapshot(above),
          fenced,
        }),
    );
    this.#loop = new SyncLoop({
      follower,
      staging,
      uploaders: this.#replicas.map(({ uploader }) => uploader),
      interval,
      stagingMaxBytes: database.stagingMaxBytes,
      events: syncLog(log, clocks.monotonic),
      monotonicClock: clocks.monotonic,
      random: clocks.random,
    });
  }

  /** The highest TXID that a replica is known to hold of this history. */
  get heldUpTo(): Txid {
    return txid(Math.max(0, ...this.#replicas.map(({ uploader }) => uploader.sentUpTo ?? 0)));
  }

  async start(): Promise<void> {
    this.#loop.start();
    await this.#upkeep.start();
    for (const { uploader } of this.#replicas) uploader.start();
    this.#loop.syncSoon();
    void this.#verification.start(this.#prepared, this.#replicas);
  }

  syncSoon(): void {
    this.#loop.syncSoon();
  }

  /** As `Controlled.sync`. */
  async sync(signal: AbortSignal, wait: 'for-replicas' | 'for-capture'): Promise<SyncOutcome> {
    const captured = await Promise.race([this.#loop.capture(), aborted(signal)]);
    if (captured === 'aborted') throw signal.reason;
    const reaching = this.#replicas.map(async ({ uploader }) => {
      if (wait === 'for-replicas') await uploader.reach(captured, signal);
    });
    await Promise.all(reaching);
    const replicas = this.#replicas.map((replica) => replica.syncedUpTo(captured));
    return { database: this.#path, txid: captured, replicas };
  }

  state(): DatabaseState {
    const { txid: at, timestamp } = this.#prepared.staging.position;
    return { database: this.#path, txid: at, timestamp, replicas: this.#replicas.map((replica) => replica.state()) };
  }

  /** Another instance goes on. Nothing more goes to any replica: what this one adds, the other would have to part from. */
  fence(error: StationError): void {
    for (const { uploader } of this.#replicas) uploader.fence(error);
    void this.#upkeep.stop();
  }

  /** That replica may not hold any more what it was known to hold. */
  lookAgain(replica: string): void {
    this.#replicas.find(({ name }) => name === replica)?.uploader.lookAgain();
    this.#upkeep.of(replica)?.lookAgain();
  }

  /** Another instance goes on with that replica alone. */
  leave(replica: string, error: StationError): void {
    this.#replicas.find(({ name }) => name === replica)?.uploader.stopFor(error);
    void this.#upkeep.of(replica)?.stop();
  }

  /**
   * The last capture and upload; returns soon after `isTimeUp` resolves.
   * @returns why the last commits were not captured; undefined where they were
   */
  async finish(isTimeUp: Promise<'aborted'>): Promise<StationError | undefined> {
    this.#isFinishing = true;
    const uploaders = this.#replicas.map(({ uploader }) => uploader);
    const breakOff = async () => await Promise.all([this.#upkeep.breakOff(), this.#verification.breakOff()]);
    return await lastSync({ loop: this.#loop, uploaders, breakOff }, isTimeUp);
  }

  /** @param uncaptured why the last commits were not captured; undefined where they were */
  drained(uncaptured: StationError | undefined): readonly ReplicaDrain[] {
    return this.#replicas.map((replica) => replica.drained(uncaptured));
  }

  /** After the last upload: what every replica holds leaves the staging folder. */
  async tidyAtEnd(): Promise<void> {
    await this.#loop.tidyAtEnd();
  }

  /** How the uploads to a replica have ended, for its lease. */
  uploadsEnd(replica: string): UploadsEnd {
    const uploader = this.#replicas.find(({ name }) => name === replica)?.uploader;
    if (uploader === undefined) return noUploads;
    return { isInDoubt: uploader.isInDoubt, isFailing: uploader.health.kind === 'failing' };
  }

  /** Breaks off all that goes to a replica, or comes from one. A store that does not heed it holds this up. */
  async stop(): Promise<void> {
    const uploads = this.#replicas.map(({ uploader }) => uploader.stop());
    await Promise.all([this.#verification.stop(), this.#upkeep.stop(), ...uploads]);
  }

  /** Closes the database without a last capture, unless there was one. */
  async abandon(): Promise<void> {
    if (!this.#isFinishing) await this.#loop.abandon();
  }
}
