import type { ReplicaState, SyncedReplica } from '../../control/controlled.ts';
import type { StationError } from '../../errors.ts';
import type { Milliseconds, Txid } from '../../quantities.ts';
import type { ReplicaDrain } from '../../supervisor/replication-port.ts';
import type { ReplicaUploader } from './replica-uploader.ts';

/** Where an uploader stands. */
export type UploaderView = Pick<
  ReplicaUploader,
  'status' | 'health' | 'position' | 'sentUpTo' | 'missing' | 'complete'
>;

/** What has happened to a replica and is worth telling later. */
export interface ReplicaPast {
  lastSyncAt: Milliseconds | undefined;
  lastError: ReplicaState['lastError'];
}

/** For the status: where replication to a replica stands. */
export function stateOf(replica: string, uploader: UploaderView, past: ReplicaPast): ReplicaState {
  const { files, bytes: size, since } = uploader.missing;
  const { status, health } = uploader;
  const stopped = status.kind === 'stopped' ? status.error : undefined;
  return {
    replica,
    status: status.kind,
    txid: uploader.sentUpTo,
    missing: { files, bytes: size, since },
    lastSyncAt: past.lastSyncAt,
    failing: stopped ?? (health.kind === 'failing' ? health.error : undefined),
    lastError: past.lastError,
  };
}

/** For who has asked for a sync up to a TXID. */
export function syncedUpTo(target: Txid, replica: string, uploader: UploaderView): SyncedReplica {
  const complete = (uploader.position ?? 0) >= target;
  return { replica, txid: uploader.sentUpTo, complete, reason: complete ? undefined : reasonOf(uploader) };
}

/**
 * For the end of the container.
 * @param uncaptured why the last commits were not captured; undefined where they were
 */
export function drainOf(
  database: string,
  replica: string,
  uploader: UploaderView,
  uncaptured: StationError | undefined,
): ReplicaDrain {
  const complete = uncaptured === undefined && uploader.complete;
  const reason = complete ? undefined : (uncaptured?.message ?? reasonOf(uploader));
  return { database, replica, complete, missing: uploader.missing, reason };
}

function reasonOf({ status, health }: UploaderView): string {
  if (status.kind === 'stopped') return status.error.message;
  if (health.kind === 'failing') return health.error.message;
  if (status.kind === 'needs-snapshot') return `it needs a snapshot: ${status.why}`;
  return 'the time was used up';
}
