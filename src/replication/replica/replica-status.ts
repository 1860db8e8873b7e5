import type { StationError } from '../../errors.ts';
import { bytes, type Milliseconds, type Txid, txid } from '../../quantities.ts';
import type { MissingCommits } from '../../supervisor/replication-port.ts';
import type { StagedFile } from '../staging/staged-files.ts';
import type { Staging } from '../staging/staging.ts';
import type { StagingReader } from '../staging/staging-cap.ts';
import type { RemotePosition } from './reconcile.ts';

/** Where replication to one replica stands. */
export type ReplicaStatus =
  /** What it holds is not known yet: it has not answered since the start. */
  | { readonly kind: 'unknown' }
  /** It answered; the next file decides how to go on. */
  | { readonly kind: 'known'; readonly remote: RemotePosition }
  /** It holds everything up to `position`, in our numbering. */
  | { readonly kind: 'following'; readonly position: Txid }
  /** It needs a snapshot that ends above TXID `above`, and waits for one to be staged. */
  | { readonly kind: 'needs-snapshot'; readonly why: string; readonly above: Txid }
  /** It holds commits this database never had, or another writer's: nothing more is sent. */
  | { readonly kind: 'stopped'; readonly error: StationError };

/** How its last requests went. */
export type ReplicaHealth =
  | { readonly kind: 'answering' }
  | { readonly kind: 'failing'; readonly since: Milliseconds; readonly failures: number; readonly error: StationError };

/** What a replica needs of the staging folder; undefined if nothing is sent to it any more. */
export function readerOf(status: ReplicaStatus, health: ReplicaHealth, staging: Staging): StagingReader | undefined {
  const reachable = health.kind === 'answering';
  switch (status.kind) {
    case 'stopped':
      return undefined;
    case 'following':
      return { position: status.position, wantsSnapshot: false, reachable };
    case 'needs-snapshot': {
      // Nothing that the snapshot holds, be it staged already or still to come.
      const end = snapshotAbove(staging, status.above)?.maxTxid ?? staging.position.txid;
      return { position: end, wantsSnapshot: true, reachable };
    }
    case 'unknown':
    case 'known':
      return { position: undefined, wantsSnapshot: false, reachable };
  }
}

/** The staged snapshot, if it ends above `above`. */
export function snapshotAbove(staging: Pick<Staging, 'snapshot'>, above: Txid): StagedFile | undefined {
  const { snapshot } = staging;
  return snapshot !== undefined && snapshot.maxTxid > above ? snapshot : undefined;
}

/** What a replica that holds everything up to `held` lacks of what is staged. */
export function missingAbove(held: Txid, { position, level0 }: Pick<Staging, 'position' | 'level0'>): MissingCommits {
  const last = position.txid;
  const files = level0.filter((file) => file.maxTxid > held);
  return {
    files: Math.max(files.length, last - held),
    txids: last > held ? { first: txid(held + 1), last } : undefined,
    bytes: bytes(files.reduce((sum, file) => sum + file.size, 0)),
    since: files[0]?.timestamp,
  };
}

/** How many of its requests have failed since the last that went well. */
export function failuresOf(health: ReplicaHealth): number {
  return health.kind === 'failing' ? health.failures : 0;
}

/** After one failure more. */
export function failing(
  before: ReplicaHealth,
  error: StationError,
  now: Milliseconds,
): Extract<ReplicaHealth, { kind: 'failing' }> {
  const since = before.kind === 'failing' ? before.since : now;
  return { kind: 'failing', since, failures: failuresOf(before) + 1, error };
}
