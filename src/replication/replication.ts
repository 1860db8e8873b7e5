import type { DatabaseConfig, DatabaseFolderConfig, SocketConfig } from '../config/config.ts';
import type { ControlServer } from '../control/control-server.ts';
import type { Log } from '../observe/log.ts';
import type { Milliseconds } from '../quantities.ts';
import {
  type DrainReport,
  type DrainRequirement,
  isDrainComplete,
  type Replication,
} from '../supervisor/replication-port.ts';
import type { DatabaseReplication } from './database-replication.ts';
import { DatabaseSet } from './database-set.ts';
import { FolderReplication } from './folders/folder-replication.ts';
import type { ReplicationClocks, ReplicationSettings } from './replication-settings.ts';

export interface CreateReplicationOptions {
  readonly databases: readonly DatabaseConfig[];
  readonly folders?: readonly DatabaseFolderConfig[];
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

/** The replication of every configured database, and of every one in the configured folders, side by side. */
export function createReplication(options: CreateReplicationOptions): Replication {
  const { drainRequire, drainAtMost } = options;
  const set = new DatabaseSet(options);
  for (const database of options.databases) set.add(database);
  const control = openControl(options, set);
  const folders = openFolders(options, set, control.serve);
  return {
    failed: set.failed,
    handover: set.handover,
    prepare: async (signal) => {
      await prepareAll(set, folders, signal);
      for (const folder of folders) await folder.begin();
      control.open();
    },
    syncSoon: () => {
      for (const database of set.all) database.syncSoon();
    },
    drain: async (budgetEnd): Promise<DrainReport> => {
      const timeUp =
        drainAtMost === undefined ? budgetEnd : AbortSignal.any([budgetEnd, AbortSignal.timeout(drainAtMost)]);
      await Promise.all(folders.map((folder) => folder.end(timeUp)));
      const drained = await set.drain(timeUp);
      const replicas = [...drained, ...folders.flatMap((folder) => folder.unfollowed)];
      return { complete: isDrainComplete(replicas, drainRequire), replicas };
    },
    close: async () => {
      for (const folder of folders) folder.stop();
      await control.close();
      await set.close();
    },
  };
}

function openFolders(
  { databases, folders = [], settings, log, clocks }: CreateReplicationOptions,
  set: DatabaseSet,
  joined: (database: DatabaseReplication) => void,
): readonly FolderReplication[] {
  const elsewhere = new Set(databases.map(({ path }) => path));
  const isElsewhere = (path: string) => elsewhere.has(path);
  const around = { set, settings, isElsewhere, joined, log, monotonicClock: clocks.monotonic };
  return folders.map((folder) => new FolderReplication({ folder, ...around }));
}

/** The first failure ends the others, and is thrown when they have ended. */
async function prepareAll(set: DatabaseSet, folders: readonly FolderReplication[], signal: AbortSignal): Promise<void> {
  const aborted = new AbortController();
  const either = AbortSignal.any([signal, aborted.signal]);
  const found = await Promise.all(folders.map((folder) => folder.find(signal)));
  for (const database of found.flat()) set.add(database);
  const preparing = set.all.map(async (database) => {
    try {
      await set.prepare(database, either);
    } catch (error) {
      aborted.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(preparing);
  await Promise.all(preparing);
}

interface Control {
  /** Beside the start of the command, which need not wait for it. */
  open(): void;
  /** A database that was taken in later can be asked for, too. */
  serve(database: DatabaseReplication): void;
  close(): Promise<void>;
}

function openControl({ control, log, clocks }: CreateReplicationOptions, set: DatabaseSet): Control {
  if (control === undefined || !control.socket.enabled) {
    return { open: () => undefined, serve: () => undefined, close: async () => undefined };
  }
  const { path, permissions } = control.socket;
  let opening: Promise<ControlServer> | undefined;
  return {
    open: () => {
      opening = openServer(control, set, log, clocks);
      const paths = path === undefined ? set.all.map(({ socket }) => socket) : [path];
      void opening.then((server) => Promise.all(paths.map((one) => server.open(one, permissions))));
    },
    serve: ({ socket }) => {
      if (path === undefined) void opening?.then((server) => server.open(socket, permissions));
    },
    close: async () => await (await opening)?.close(),
  };
}

/** Loaded when needed: HTTP is slow to load. */
async function openServer(
  { version, clean }: ControlOptions,
  set: DatabaseSet,
  log: Log,
  clocks: ReplicationClocks,
): Promise<ControlServer> {
  const { createControlServer } = await import('../control/control-server.ts');
  const about = { version, pid: process.pid, startedAt: clocks.wall(), now: clocks.wall };
  return createControlServer({ ...about, databases: () => set.all }, clean, log);
}
