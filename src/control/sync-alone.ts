import type { DatabaseConfig } from '../config/config.ts';
import { StationError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { type Milliseconds, milliseconds, txid } from '../quantities.ts';
import { createReplication } from '../replication/replication.ts';
import type { LeaseSettings } from '../replication/replication-settings.ts';
import { loadPosition } from '../replication/staging/position-file.ts';
import { stagingFolderAt } from '../replication/staging/staging-folder.ts';
import { inspectLocalDatabase } from '../restore/local-database.ts';
import { monotonicClock } from '../supervisor/clock.ts';
import type { ReplicaDrain } from '../supervisor/replication-port.ts';
import type { SyncedReplica, SyncOutcome } from './controlled.ts';

/** A replica may take this long to say what it holds; one that is slower is asked again. */
const LOOK_TIMEOUT = milliseconds(3_000);

/**
 * Syncs a database that no process replicates: takes the lock and the leases that such a process would hold, captures what
 * was committed, uploads it, and lets go. It never restores.
 * @param signal ends the waiting; what was not uploaded by then is told
 * @throws StationError DATABASE_INVALID where there is none, LEASE_HELD, REPLICA_AHEAD, and others of a start
 */
export async function syncAlone(
  database: DatabaseConfig,
  lease: LeaseSettings,
  log: Log,
  signal: AbortSignal,
): Promise<SyncOutcome> {
  if ((await inspectLocalDatabase(database.path)).kind !== 'database') {
    throw new StationError('DATABASE_INVALID', `there is no database ${database.path}: nothing to sync`, {
      hint: 'a sync never restores: use "restore" for that',
    });
  }
  const replication = createReplication({
    // Nothing but the sync is wanted of it.
    databases: [{ ...database, replicas: database.replicas.map((one) => ({ ...one, validationInterval: undefined })) }],
    settings: {
      restore: { quorum: 'any', from: undefined },
      restoreTimeout: LOOK_TIMEOUT,
      lookTimeout: LOOK_TIMEOUT,
      onConflict: 'stop',
      integrity: 'none',
      integrityMaxBytes: undefined,
      lease,
    },
    drainRequire: 'all',
    drainAtMost: undefined,
    log,
    clocks: { wall: (): Milliseconds => milliseconds(Date.now()), monotonic: monotonicClock, random: Math.random },
  });
  let replicas: readonly ReplicaDrain[];
  try {
    await replication.prepare(signal);
    ({ replicas } = await replication.drain(signal));
  } finally {
    await replication.close();
  }
  const position = await loadPosition(stagingFolderAt(database.stagingFolder).position);
  const at = position?.txid ?? txid(0);
  return { database: database.path, txid: at, replicas: replicas.map((drain) => syncedBy(drain, at)) };
}

function syncedBy({ replica, complete, missing, reason }: ReplicaDrain, at: SyncOutcome['txid']): SyncedReplica {
  const held = complete ? at : missing.txids === undefined ? undefined : txid(missing.txids.first - 1);
  return { replica, txid: held, complete, reason };
}
