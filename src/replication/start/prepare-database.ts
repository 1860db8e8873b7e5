import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ReplicaConfig } from '../../config/config.ts';
import { StationError } from '../../errors.ts';
import type { Lease } from '../../lease/lease.ts';
import type { Inventory } from '../../restore/inventory.ts';
import { inspectLocalDatabase } from '../../restore/local-database.ts';
import type { NamedReplica } from '../../restore/restore-target.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { KnownState } from '../../wal/follower.ts';
import type { RemotePosition } from '../replica/reconcile.ts';
import type { PrepareOptions } from '../replication-settings.ts';
import type { Staging } from '../staging/staging.ts';
import { clearLeftovers, makeStagingFolder, type StagingFolder, stagingFolderAt } from '../staging/staging-folder.ts';
import { takeStagingLock } from '../staging/staging-lock.ts';
import { startAsOnlyWriter } from './only-writer.ts';
import { askerOf, openReplicas } from './open-replicas.ts';
import { Opened } from './opened.ts';
import { holdLeases, type LeaseListener, noUploads, type ReplicaLeases } from './replica-leases.ts';

export interface PreparedReplica {
  readonly config: ReplicaConfig;
  readonly store: ObjectStore;
  readonly remote: RemotePosition | undefined;
  /** Hands over what was listed of it just now; undefined: it was not, or was written to since. Large, so once. */
  readonly takeListing: () => Inventory | undefined;
  readonly ask: (signal: AbortSignal) => Promise<RemotePosition>;
  /** Undefined: the lease is off. */
  readonly lease: Lease | undefined;
}

/** A database ready to be followed. */
export interface PreparedDatabase {
  readonly folder: StagingFolder;
  readonly staging: Staging;
  readonly known: KnownState;
  /** Whether SQLite's own check of a restored database is still to be made, beside the running child. */
  readonly check: 'done' | 'deferred';
  readonly replicas: readonly PreparedReplica[];
  readonly leases: ReplicaLeases;
  close(): Promise<void>;
}

/**
 * All that happens to a database before the child starts: the lock, the leases, the look at what is here and what the
 * replicas hold, the restore where nothing is here, and the claim where another instance was taken over from.
 * @throws StationError; nothing stays open then
 */
export async function prepareDatabase(
  options: PrepareOptions,
  listener: LeaseListener,
  signal: AbortSignal,
): Promise<PreparedDatabase> {
  const opened = new Opened();
  try {
    return await prepare(options, listener, signal, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function prepare(
  options: PrepareOptions,
  listener: LeaseListener,
  signal: AbortSignal,
  opened: Opened,
): Promise<PreparedDatabase> {
  const { database, settings, log } = options;
  await makeDataFolder(database.path);
  const folder = stagingFolderAt(database.stagingFolder);
  await makeStagingFolder(folder);
  const lock = await takeStagingLock(
    folder.lock,
    () => log.warn('another supervisor holds this database: waiting for it to end', { lock: folder.lock }),
    signal,
  );
  opened.add(() => lock.release());
  await clearLeftovers(folder);
  const replicas = await openReplicas(database.replicas, log, opened);
  const local = await inspectLocalDatabase(database.path);
  const patience = local.kind === 'database' ? settings.lookTimeout : settings.restoreTimeout;
  // Before anything is read of the replicas: what the last holder wrote is there by then.
  const leases = await holdLeases(options, folder, replicas, patience, listener, signal);
  opened.add(async () => await leases.release(() => noUploads));
  const asked = replicas.map((replica) => ({ ...replica, unreachable: leases.unreachable(replica.name) }));
  const start = await startAsOnlyWriter(options, folder, asked, leases, local.kind, signal, opened);
  leases.noteWriter();
  return {
    folder,
    ...start,
    replicas: database.replicas.map((config, index) => {
      const named = replicas[index] as NamedReplica;
      return {
        config,
        store: named.store,
        remote: start.remotes.get(named.name),
        takeListing: () => {
          const listing = start.listings?.get(named.name);
          start.listings?.delete(named.name);
          return listing;
        },
        ask: askerOf(named, start.known.kind === 'restored' ? undefined : leases.of(named.name)),
        lease: leases.of(named.name),
      };
    }),
    leases,
    close: () => opened.close(),
  };
}

async function makeDataFolder(databasePath: string): Promise<void> {
  const folder = dirname(databasePath);
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StationError('DATA_FOLDER', `cannot make the data folder ${folder}: ${reason}`, { cause });
  }
}
