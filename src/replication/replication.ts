import type { DatabaseConfig } from '../config/config.ts';
import type { StationError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import type { Milliseconds } from '../quantities.ts';
import {
  type DrainReport,
  type DrainRequirement,
  type HandoverRequest,
  isDrainComplete,
  type Replication,
} from '../supervisor/replication-port.ts';
import { SerialQueue } from '../wal/serial-queue.ts';
import { DatabaseReplication } from './database-replication.ts';
import type { ReplicationClocks, ReplicationSettings } from './replication-settings.ts';

export interface CreateReplicationOptions {
  readonly databases: readonly DatabaseConfig[];
  readonly settings: ReplicationSettings;
  readonly drainRequire: DrainRequirement;
  /** Longest time for the last sync (`shutdown-sync-timeout`); undefined: what is left of the stop budget. */
  readonly drainAtMost: Milliseconds | undefined;
  readonly log: Log;
  readonly clocks: ReplicationClocks;
}

/** The replication of every configured database, side by side. */
export function createReplication(options: CreateReplicationOptions): Replication {
  const { settings, drainRequire, drainAtMost, log, clocks } = options;
  const mergeTurn = new SerialQueue();
  const databases = options.databases.map(
    (database) =>
      new DatabaseReplication({ database, settings, clocks, log: log.with({ db: database.path }) }, mergeTurn),
  );
  const failed: Promise<StationError> = Promise.race(databases.map((database) => database.failed));
  const handover: Promise<HandoverRequest> = Promise.race(databases.map((database) => database.handover));
  return {
    failed,
    handover,
    prepare: async (signal) => {
      const aborted = new AbortController();
      const either = AbortSignal.any([signal, aborted.signal]);
      const preparing = databases.map(async (database) => {
        try {
          await database.prepare(either);
        } catch (error) {
          aborted.abort(error);
          throw error;
        }
      });
      await Promise.allSettled(preparing);
      await Promise.all(preparing);
    },
    syncSoon: () => {
      for (const database of databases) database.syncSoon();
    },
    drain: async (budgetEnd): Promise<DrainReport> => {
      const timeUp =
        drainAtMost === undefined ? budgetEnd : AbortSignal.any([budgetEnd, AbortSignal.timeout(drainAtMost)]);
      const replicas = (await Promise.all(databases.map((database) => database.drain(timeUp)))).flat();
      return { complete: isDrainComplete(replicas, drainRequire), replicas };
    },
    close: async () => {
      await Promise.all(databases.map((database) => database.close()));
    },
  };
}
