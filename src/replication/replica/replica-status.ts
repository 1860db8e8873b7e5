import type { StationError } from '../../errors.ts';
import type { Milliseconds, Txid } from '../../quantities.ts';
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
export function snapshotAbove(staging: Staging, above: Txid): StagedFile | undefined {
  const { snapshot } = staging;
  return snapshot !== undefined && snapshot.maxTxid > above ? snapshot : undefined;
}
