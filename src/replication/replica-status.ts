import type { StationError } from '../errors.ts';
import type { Milliseconds, Txid } from '../quantities.ts';
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
