import type { DatabaseConfig, SocketConfig } from '../config/config.ts';
import type { ControlServer } from '../control/control-server.ts';
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
  /** Undefined: nobody can ask this process for anything. */
  readonly control?: ControlOptions | undefined;
}

export interface ControlOptions {
  readonly socket: SocketConfig;
  readonly version: string;
  /** Takes secrets out of what is said. */
  readonly clean: (text: string) => string;
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
  let control: ControlServer | undefined;
  let isClosed = false;
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
      // Beside the start of the command, which need not wait for it.
      void openControl(options, databases).then((opened) => {
        if (isClosed) void opened?.close();
        else control = opened;
      });
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
      isClosed = true;
      await control?.close();
      await Promise.all(databases.map((database) => database.close()));
    },
  };
}

/** Loaded when needed: HTTP is slow to load. */
async function openControl(
  { control, log, clocks }: CreateReplicationOptions,
  databases: readonly DatabaseReplication[],
): Promise<ControlServer | undefined> {
  if (control === undefined || !control.socket.enabled) return undefined;
  const { path, permissions } = control.socket;
  const { createControlServer } = await import('../control/control-server.ts');
  const about = { version: control.version, pid: process.pid, startedAt: clocks.wall(), now: clocks.wall };
  const server = createControlServer({ ...about, databases: () => databases }, control.clean, log);
  const paths = path === undefined ? databases.map(({ socket }) => socket) : [path];
  await Promise.all(paths.map((one) => server.open(one, permissions)));
  return server;
}
