import { setTimeout as delay } from 'node:timers/promises';
import type { Controlled, DatabaseState, ReplicaState, SyncedReplica, SyncOutcome } from '../control/controlled.ts';
import { isStationError, StationError, toStationError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { type Milliseconds, milliseconds, type Txid, txid } from '../quantities.ts';
import { checkIntegrity } from '../restore/integrity-check.ts';
import type { HandoverRequest, ReplicaDrain } from '../supervisor/replication-port.ts';
import type { ScheduledVerification } from '../verify/scheduled-verification.ts';
import type { Follower } from '../wal/follower.ts';
import { openFollower } from '../wal/open-follower.ts';
import type { SerialQueue } from '../wal/serial-queue.ts';
import { replicaLog } from './replica/replica-log.ts';
import { ReplicaUploader } from './replica/replica-uploader.ts';
import type { PrepareOptions, ReplicationClocks } from './replication-settings.ts';
import { keepUnreplicated } from './staging/set-aside.ts';
import type { Staging } from './staging/staging.ts';
import { stagingFolderAt } from './staging/staging-folder.ts';
import { noteCompleteEnd } from './start/complete-end.ts';
import { type PreparedDatabase, type PreparedReplica, prepareDatabase } from './start/prepare-database.ts';
import { type LeaseListener, noUploads } from './start/replica-leases.ts';
import { syncLog } from './sync-log.ts';
import { SyncLoop } from './sync-loop.ts';
import { DatabaseUpkeep } from './upkeep/database-upkeep.ts';
import { watchHandover } from './watch-handover.ts';

/** How long the end of a drain waits for uploads that were broken off, in milliseconds. */
const STOP_PATIENCE = 250;

/** One database followed, and brought to all its replicas. */
export class DatabaseReplication implements Controlled {
  readonly #options: PrepareOptions;
  readonly #clocks: ReplicationClocks;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #failure = Promise.withResolvers<StationError>();
  readonly #handover = Promise.withResolvers<HandoverRequest>();
  #fence: StationError | undefined;
  #askedBy: string | undefined;
  #isComplete = false;
  /** The last capture holds the last commit. */
  #isCaptured = false;
  #keeping: Promise<void> | undefined;
  #prepared: PreparedDatabase | undefined;
  #drained = false;
  #draining: Promise<readonly ReplicaDrain[]> | undefined;
  readonly #mergeTurn: SerialQueue;
  readonly #pasts = new Map<string, ReplicaPast>();
  #upkeep: DatabaseUpkeep | undefined;
  #verification: ScheduledVerification | undefined;
  #running:
    | { readonly loop: SyncLoop; readonly staging: Staging; readonly replicas: readonly RunningReplica[] }
    | undefined;

  /** @param mergeTurn one for all databases of the process */
  constructor(options: PrepareOptions, mergeTurn: SerialQueue) {
    this.#options = options;
    this.#mergeTurn = mergeTurn;
    this.#clocks = options.clocks;
    this.#log = options.log;
  }

  get path(): string {
    return this.#options.database.path;
  }

  get socket(): string {
    return stagingFolderAt(this.#options.database.stagingFolder).socket;
  }

  /** Resolves if another writer fenced this one; never otherwise. */
  get failed(): Promise<StationError> {
    return this.#failure.promise;
  }

  /** Resolves if another instance asks for the lease; never otherwise. */
  get handover(): Promise<HandoverRequest> {
    return this.#handover.promise;
  }

  /** Restores where needed, opens the database, starts to follow it. The child may start when this returns. */
  async prepare(signal: AbortSignal): Promise<void> {
    const prepared = await prepareDatabase(this.#options, this.#leaseListener, signal);
    this.#prepared = prepared;
    const { staging } = prepared;
    const follower = await this.#openFollower(prepared);
    const upkeep = this.#openUpkeep(prepared);
    this.#upkeep = upkeep;
    const replicas: readonly RunningReplica[] = prepared.replicas.map((replica) => {
      const uploader = this.#openUploader(replica, staging, upkeep);
      this.#keepUp(upkeep, replica, uploader);
      return { name: replica.config.name, uploader, past: this.#past(replica.config.name) };
    });
    const uploaders = replicas.map((replica) => replica.uploader);
    const loop = new SyncLoop({
      follower,
      staging,
      uploaders,
      interval: this.#interval,
      stagingMaxBytes: this.#options.database.stagingMaxBytes,
      events: syncLog(this.#log, this.#clocks.monotonic),
      monotonicClock: this.#clocks.monotonic,
      random: this.#clocks.random,
    });
    this.#running = { loop, staging, replicas };
    // Lost between its acquisition and now.
    if (this.#fence !== undefined) for (const uploader of uploaders) uploader.fence(this.#fence);
    loop.start();
    await upkeep.start();
    for (const uploader of uploaders) uploader.start();
    loop.syncSoon();
    if (prepared.check === 'deferred') void this.#checkLater();
    void this.#keepVerifying(prepared, replicas);
  }

  syncSoon(): void {
    this.#running?.loop.syncSoon();
  }

  async sync(signal: AbortSignal, wait: 'for-replicas' | 'for-capture'): Promise<SyncOutcome> {
    const running = this.#running;
    if (running === undefined)
      throw new StationError('CAPTURE_FAILED', 'the replication of this database has not begun');
    const isTimeUp = aborted(signal);
    const captured = await Promise.race([running.loop.capture(), isTimeUp]);
    if (captured === 'time-up') throw signal.reason;
    const reaching = running.replicas.map(async ({ uploader }) => {
      if (wait === 'for-replicas') await uploader.reach(captured, signal);
    });
    await Promise.all(reaching);
    const replicas = running.replicas.map((replica) => syncedUpTo(captured, replica));
    return { database: this.path, txid: captured, replicas };
  }

  state(): DatabaseState | undefined {
    if (this.#running === undefined || this.#closing.signal.aborted) return undefined;
    const { staging, replicas } = this.#running;
    const { txid: at, timestamp } = staging.position;
    return { database: this.path, txid: at, timestamp, replicas: replicas.map(stateOf) };
  }

  /** The last capture and upload, once; returns soon after the first `timeUp` aborts. */
  drain(timeUp: AbortSignal): Promise<readonly ReplicaDrain[]> {
    this.#draining ??= this.#drain(timeUp);
    return this.#draining;
  }

  async #drain(timeUp: AbortSignal): Promise<readonly ReplicaDrain[]> {
    const running = this.#running;
    if (running === undefined) return [];
    this.#drained = true;
    const isTimeUp = aborted(timeUp);
    let capture: StationError | undefined = new StationError(
      'CAPTURE_FAILED',
      'the last capture was not finished in time',
    );
    try {
      for (const { uploader } of running.replicas) uploader.hurry();
      // A snapshot under way holds the database; and all the line is the last upload's now.
      await Promise.race([Promise.all([this.#upkeep?.breakOff(), this.#verification?.breakOff()]), isTimeUp]);
      const finished = running.loop.finish().then(
        () => undefined,
        (error: unknown) => toStationError(error),
      );
      const outcome = await Promise.race([finished, isTimeUp]);
      if (outcome !== 'time-up') {
        capture = outcome;
        await Promise.race([this.#allUploaded(running.replicas), isTimeUp]);
      }
    } finally {
      // A store that does not heed the abort (a hung network mount) must not hold up the report.
      const stopped = Promise.all(running.replicas.map(({ uploader }) => uploader.stop()));
      await Promise.race([stopped, delay(STOP_PATIENCE, undefined, { ref: false })]);
    }
    const report = running.replicas.map((replica) => this.#reportOf(replica, capture));
    this.#isCaptured = capture === undefined;
    this.#isComplete = report.every(({ complete }) => complete);
    if (this.#fence !== undefined) await this.#keepOnce();
    else if (capture === undefined) await Promise.race([running.loop.tidyAtEnd(), isTimeUp]);
    return report;
  }

  /** Releases connections and the staging lock. Safe at any point, and after a failed `prepare`. */
  async close(): Promise<void> {
    this.#closing.abort();
    const replicas = this.#running?.replicas ?? [];
    const verified = this.#verification?.stop();
    const stopped = Promise.all([this.#upkeep?.stop(), verified, ...replicas.map(({ uploader }) => uploader.stop())]);
    await Promise.race([stopped, delay(STOP_PATIENCE, undefined, { ref: false })]);
    // Before anything that takes time: somebody may be waiting for it.
    await this.#prepared?.leases.release((replica) => {
      const uploader = replicas.find(({ name }) => name === replica)?.uploader;
      if (uploader === undefined) return noUploads;
      return { isInDoubt: uploader.isInDoubt, isFailing: uploader.health.kind === 'failing' };
    });
    await stopped;
    if (this.#fence !== undefined) await this.#keepOnce();
    // The lock is let go of last: whoever waits for it must not meet this process in the staging folder.
    if (!this.#drained) await this.#running?.loop.abandon().catch((error: unknown) => this.#tellOfClose(error));
    await this.#noteCompleteEnd();
    await this.#prepared?.close();
    if (this.#askedBy !== undefined && this.#fence === undefined) void this.#watchHandover(this.#askedBy);
  }

  async #noteCompleteEnd(): Promise<void> {
    if (!this.#isComplete || this.#fence !== undefined || this.#prepared === undefined) return;
    const { folder, staging } = this.#prepared;
    const { path } = this.#options.database;
    await noteCompleteEnd(folder.completeEnd, path, staging.position.txid).catch((error) => this.#tellOfClose(error));
  }

  /** Who asked may be dead: then this instance is not to stand by for nothing. */
  async #watchHandover(by: string): Promise<void> {
    try {
      const error = await watchHandover(this.#options, by);
      if (error !== undefined) this.#failure.resolve(error);
    } catch (error) {
      const why = toStationError(error).message;
      this.#log.warn('it cannot be seen whether the database is taken over', { by, why });
    }
  }

  /** Once, in the drain; or at the end, where the time was up before that came to it. */
  #keepOnce(): Promise<void> {
    const running = this.#running;
    if (running !== undefined) this.#keeping ??= this.#keepUnreplicated(running.staging, running.replicas);
    return this.#keeping ?? Promise.resolve();
  }

  async #keepUnreplicated(staging: Staging, replicas: readonly RunningReplica[]): Promise<void> {
    const folder = this.#prepared?.folder;
    if (folder === undefined) return;
    const held = txid(Math.max(0, ...replicas.map(({ uploader }) => uploader.sentUpTo ?? 0)));
    try {
      const kept = await keepUnreplicated(folder, staging, held, new Date(this.#clocks.wall()));
      const why = this.#fence?.message;
      if (!this.#isCaptured) {
        const rest = 'the last commits were not captured, and are in the database here alone';
        this.#log.error(`another instance goes on: ${rest}`, { why });
      }
      if (kept !== undefined)
        this.#log.error('another instance goes on: what no replica holds is kept', { ...kept, why });
      else if (this.#isCaptured)
        this.#log.error('another instance goes on: everything committed here is in a replica', { why });
    } catch (error) {
      this.#log.error(`what no replica holds could not be set aside: ${toStationError(error).message}`, {
        folder: folder.root,
      });
    }
  }

  #tellOfClose(error: unknown): void {
    this.#log.warn('the database could not be let go of in good order', { error: toStationError(error).message });
  }

  /** SQLite's own check of a restored database that was too large to check before the start. */
  async #checkLater(): Promise<void> {
    const { database, settings } = this.#options;
    try {
      const finding = await checkIntegrity(
        database.path,
        settings.integrity === 'full' ? 'full' : 'quick',
        this.#closing.signal,
      );
      if (finding.kind === 'sound') this.#log.info('the restored database is sound');
      else if (finding.kind === 'inconclusive')
        this.#log.warn('the restored database could not be checked', { why: finding.reason });
      else {
        const hint =
          'the replica’s files are whole, so the original was damaged: restore an earlier moment with -timestamp';
        this.#log.error(`the restored database is damaged: ${finding.lines.slice(0, 5).join('; ')}`, { hint });
      }
    } catch (error) {
      if (!this.#closing.signal.aborted)
        this.#log.warn('the restored database could not be checked', { why: toStationError(error).message });
    }
  }

  /** Loaded when needed: few have it configured. */
  async #keepVerifying(prepared: PreparedDatabase, replicas: readonly RunningReplica[]): Promise<void> {
    const verified = prepared.replicas.flatMap(({ config, store }) => {
      const { name, validationInterval: interval } = config;
      const uploader = replicas.find((replica) => replica.name === name)?.uploader;
      if (interval === undefined || uploader === undefined) return [];
      const reach = async (target: Txid, signal: AbortSignal) => await uploader.reach(target, signal);
      return [{ name, store, interval, reach, log: this.#log.with({ replica: name }) }];
    });
    if (verified.length === 0) return;
    const { ScheduledVerification } = await import('../verify/scheduled-verification.ts');
    if (this.#drained || this.#closing.signal.aborted) return;
    this.#verification = new ScheduledVerification({
      staging: prepared.folder,
      takeSnapshot: async () => await this.#running?.loop.takeSnapshot(),
      wallClock: this.#clocks.wall,
    });
    this.#verification.start(verified);
  }

  /** Files are captured as often as the most demanding replica asks. */
  get #interval(): Milliseconds {
    return milliseconds(Math.min(...this.#options.database.replicas.map((replica) => replica.syncInterval)));
  }

  async #openFollower(prepared: PreparedDatabase): Promise<Follower> {
    return await openFollower({
      path: this.#options.database.path,
      spillFolder: prepared.folder.spill,
      known: prepared.known,
      events: {
        committed: () => this.#running?.loop.committed(),
        replaced: () => {
          this.#log.warn(
            'the database file was replaced: the new one is replicated above the old, which stays restorable',
          );
          this.#running?.loop.committed();
        },
        notice: ({ level, message, fields }) => this.#log[level](message, fields),
      },
    });
  }

  get #leaseListener(): LeaseListener {
    return {
      requested: (by) => {
        this.#askedBy ??= by;
        this.#handover.resolve({ database: this.#options.database.path, by });
      },
      lost: (replica, error, deciding) => {
        if (!deciding) {
          this.#running?.replicas.find(({ name }) => name === replica)?.uploader.stopFor(error);
          void this.#upkeep?.of(replica)?.stop();
          return;
        }
        // Nothing more goes to any replica: what this one adds, the other instance would have to part from.
        this.#fence = error;
        for (const { uploader } of this.#running?.replicas ?? []) uploader.fence(error);
        void this.#upkeep?.stop();
        this.#failure.resolve(error);
      },
    };
  }

  #openUpkeep({ staging, folder }: PreparedDatabase): DatabaseUpkeep {
    return new DatabaseUpkeep(
      this.#options.database,
      staging,
      folder.levels,
      async () => await this.#running?.loop.takeSnapshot(),
      this.#clocks,
      this.#mergeTurn,
    );
  }

  #keepUp(upkeep: DatabaseUpkeep, replica: PreparedReplica, uploader: ReplicaUploader): void {
    upkeep.add({
      ...replica,
      position: () => uploader.position,
      fenced: (error) => uploader.fence(error),
      log: this.#log.with({ replica: replica.config.name }),
    });
  }

  #openUploader(replica: PreparedReplica, staging: Staging, upkeep: DatabaseUpkeep): ReplicaUploader {
    const { name } = replica.config;
    const log = this.#log.with({ replica: replica.config.name });
    const lines = replicaLog(log, this.#clocks.monotonic);
    const past = this.#past(name);
    let toldWhy: string | undefined;
    return new ReplicaUploader({
      store: replica.store,
      staging,
      remote: replica.remote,
      ask: replica.ask,
      lease: replica.lease,
      moved: () => upkeep.of(name)?.wake(),
      mergedUpTo: () => upkeep.of(name)?.mergedUpTo,
      interval: milliseconds(replica.config.syncInterval > this.#interval ? replica.config.syncInterval : 0),
      monotonicClock: this.#clocks.monotonic,
      random: this.#clocks.random,
      events: {
        ...lines,
        uploaded: (file) => {
          lines.uploaded(file);
          upkeep.of(name)?.uploaded(file);
          past.lastSyncAt = this.#clocks.wall();
          toldWhy = undefined;
          this.#running?.loop.uploaded();
        },
        failed: (error, delay) => {
          lines.failed(error, delay);
          past.lastError = { at: this.#clocks.wall(), error };
        },
        needsSnapshot: (why: string, above: Txid) => {
          if (toldWhy !== why) log.info('a snapshot is needed', { why });
          toldWhy = why;
          this.#running?.loop.wantSnapshot(above);
        },
        stopped: (error) => {
          lines.stopped(error);
          past.lastError = { at: this.#clocks.wall(), error };
          if (isStationError(error, 'FENCED')) {
            this.#fence ??= error;
            this.#failure.resolve(error);
          }
        },
      },
    });
  }

  #past(replica: string): ReplicaPast {
    const past = this.#pasts.get(replica) ?? { lastSyncAt: undefined, lastError: undefined };
    this.#pasts.set(replica, past);
    return past;
  }

  /** Returns when every replica holds everything or never will. */
  async #allUploaded(replicas: readonly RunningReplica[]): Promise<void> {
    await Promise.all(replicas.map(({ uploader }) => uploader.settled()));
  }

  #reportOf({ name, uploader }: RunningReplica, capture: StationError | undefined): ReplicaDrain {
    const complete = capture === undefined && uploader.complete;
    return {
      database: this.#options.database.path,
      replica: name,
      complete,
      missing: uploader.missing,
      reason: complete ? undefined : (capture?.message ?? reasonOf(uploader)),
    };
  }
}

function aborted(signal: AbortSignal): Promise<'time-up'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('time-up');
    signal.addEventListener('abort', () => resolve('time-up'), { once: true });
  });
}

interface RunningReplica {
  readonly name: string;
  readonly uploader: ReplicaUploader;
  readonly past: ReplicaPast;
}

/** What has happened to a replica and is worth telling later. */
interface ReplicaPast {
  lastSyncAt: Milliseconds | undefined;
  lastError: ReplicaState['lastError'];
}

function syncedUpTo(target: Txid, { name, uploader }: RunningReplica): SyncedReplica {
  const held = uploader.sentUpTo;
  const complete = (uploader.position ?? 0) >= target;
  return { replica: name, txid: held, complete, reason: complete ? undefined : reasonOf(uploader) };
}

function stateOf({ name, uploader, past }: RunningReplica): ReplicaState {
  const { files, bytes: size, since } = uploader.missing;
  const { status, health } = uploader;
  const stopped = status.kind === 'stopped' ? status.error : undefined;
  return {
    replica: name,
    status: status.kind,
    txid: uploader.sentUpTo,
    missing: { files, bytes: size, since },
    lastSyncAt: past.lastSyncAt,
    failing: stopped ?? (health.kind === 'failing' ? health.error : undefined),
    lastError: past.lastError,
  };
}

function reasonOf(uploader: ReplicaUploader): string {
  if (uploader.status.kind === 'stopped') return uploader.status.error.message;
  if (uploader.health.kind === 'failing') return uploader.health.error.message;
  if (uploader.status.kind === 'needs-snapshot') return `it needs a snapshot: ${uploader.status.why}`;
  return 'the time was used up';
}
