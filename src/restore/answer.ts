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
  /** Level of the file that was read for it: the lowest that ends there. */
  readonly level: number;
  /** That file's own checksum, from its last 8 bytes: at level 0, all replicas of one history hold the same bytes. */
  readonly fileChecksum: bigint;
  /** Listed above `txid`, but out of reach. */
  readonly unreachable: TxidRange | undefined;
}

/** What one replica said when asked what it holds. */
export type ReplicaAnswer =
  | { readonly kind: 'holds'; readonly replica: string; readonly position: ReplicaPosition }
  /** It answered, and holds nothing. */
  | { readonly kind: 'empty'; readonly replica: string }
  /** It answered, and holds something, but not what is asked for: no sound chain, or not that TXID or time. */
  | { readonly kind: 'unsound'; readonly replica: string; readonly newestListed: Txid; readonly error: StationError }
  /** It refused, or could not be reached. */
  | { readonly kind: 'failed'; readonly replica: string; readonly error: StationError }
  /** Nothing was heard by the deadline. */
  | { readonly kind: 'no-answer'; readonly replica: string; readonly waited: Milliseconds };
