import type { ReplicaState, SyncedReplica } from '../control/controlled.ts';
import { isStationError, type StationError } from '../errors.ts';
import { type Milliseconds, milliseconds, type Txid } from '../quantities.ts';
import type { ReplicaDrain } from '../supervisor/replication-port.ts';
import { replicaLog } from './replica/replica-log.ts';
import { drainOf, type ReplicaPast, stateOf, syncedUpTo } from './replica/replica-report.ts';
import { ReplicaUploader } from './replica/replica-uploader.ts';
import type { UploaderEvents } from './replica/uploader-options.ts';
import type { PrepareOptions } from './replication-settings.ts';
import type { Staging } from './staging/staging.ts';
import type { PreparedReplica } from './start/prepare-database.ts';
import type { DatabaseUpkeep } from './upkeep/database-upkeep.ts';

/** What a replica has to say to the database that runs. */
export interface RunningReplicaEvents {
  /** It holds another staged file. */
  uploaded(): void;
  /** It needs the whole database, as a file that ends above TXID `above`. */
  wantsSnapshot(above: Txid): void;
  /** Another writer has fenced this one there. */
  fenced(error: StationError): void;
}

/** One replica of a database that runs: its uploader, its upkeep, and what has happened to it. */
export class RunningReplica {
  readonly name: string;
  readonly uploader: ReplicaUploader;
  readonly #database: string;
  readonly #past: ReplicaPast = { lastSyncAt: undefined, lastError: undefined };

  /**
   * It is added to the upkeep; both are to be started.
   * @param captureInterval how often files are captured, at the most
   */
  constructor(
    replica: PreparedReplica,
    staging: Staging,
    upkeep: DatabaseUpkeep,
    captureInterval: Milliseconds,
    { database, clocks, log: databaseLog }: Pick<PrepareOptions, 'database' | 'clocks' | 'log'>,
    events: RunningReplicaEvents,
  ) {
    const { config, store, remote, ask, lease } = replica;
    const { name, syncInterval } = config;
    const log = databaseLog.with({ replica: name });
    this.name = name;
    this.#database = database.path;
    const lines = replicaLog(log, clocks.monotonic);
    const note = (error: StationError) => {
      this.#past.lastError = { at: clocks.wall(), error };
    };
    let toldWhy: string | undefined;
    const uploaderEvents: UploaderEvents = {
      ...lines,
      uploaded: (file) => {
        lines.uploaded(file);
        upkeep.of(name)?.uploaded(file);
        this.#past.lastSyncAt = clocks.wall();
        toldWhy = undefined;
        events.uploaded();
      },
      failed: (error, delay) => {
        lines.failed(error, delay);
        note(error);
      },
      needsSnapshot: (why, above) => {
        if (toldWhy !== why) log.info('a snapshot is needed', { why });
        toldWhy = why;
        events.wantsSnapshot(above);
      },
      stopped: (error) => {
        lines.stopped(error);
        note(error);
        if (isStationError(error, 'FENCED')) events.fenced(error);
      },
    };
    const uploader = new ReplicaUploader({
      store,
      staging,
      remote,
      ask,
      lease,
      moved: () => upkeep.of(name)?.wake(),
      mergedUpTo: () => upkeep.of(name)?.mergedUpTo,
      interval: milliseconds(syncInterval > captureInterval ? syncInterval : 0),
      monotonicClock: clocks.monotonic,
      random: clocks.random,
      events: uploaderEvents,
    });
    this.uploader = uploader;
    upkeep.add({
      ...replica,
      position: () => uploader.position,
      fenced: (error) => uploader.fence(error),
      log,
    });
  }

  state(): ReplicaState {
    return stateOf(this.name, this.uploader, this.#past);
  }

  syncedUpTo(target: Txid): SyncedReplica {
    return syncedUpTo(target, this.name, this.uploader);
  }

  /** @param uncaptured why the last commits were not captured; undefined where they were */
  drained(uncaptured: StationError | undefined): ReplicaDrain {
    return drainOf(this.#database, this.name, this.uploader, uncaptured);
  }
}
