import type { StationError } from '../errors.ts';
import type { Milliseconds, Txid } from '../quantities.ts';
import type { TxidRange } from './plan.ts';

/** The newest point a replica can be restored to, as the header of a file that ends there tells. */
export interface ReplicaPosition {
  readonly txid: Txid;
  /** The header's time: when that state was captured. */
  readonly timestamp: Milliseconds;
  readonly pageSize: number;
  /** Size of the database, in pages. */
  readonly commit: number;
  /** Key of the file that was read for it. */
  readonly key: string;
  /** That file's own checksum, from its last 8 bytes: two replicas of one history agree on it. */
  readonly fileChecksum: bigint;
  /** Listed above `txid`, but out of reach. */
  readonly unreachable: TxidRange | undefined;
}

/** What one replica said when asked what it holds. */
export type ReplicaAnswer =
  | { readonly kind: 'holds'; readonly replica: string; readonly position: ReplicaPosition }
  /** It answered, and holds nothing. */
  | { readonly kind: 'empty'; readonly replica: string }
  /** It answered, and holds files of which nothing can be restored. */
  | { readonly kind: 'unsound'; readonly replica: string; readonly newestListed: Txid; readonly error: StationError }
  /** It refused, or could not be reached. */
  | { readonly kind: 'failed'; readonly replica: string; readonly error: StationError }
  /** Nothing was heard by the deadline. */
  | { readonly kind: 'no-answer'; readonly replica: string; readonly waited: Milliseconds };
