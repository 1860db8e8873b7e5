import type { StationError } from '../errors.ts';
import type { Milliseconds, Txid } from '../quantities.ts';
import type { TxidRange } from './plan.ts';

/** The newest point a replica can be restored to. */
export type ReplicaPosition = LtxPosition | LegacyPosition;

/** A point of an LTX chain, as the header of a file that ends there tells. */
export interface LtxPosition {
  readonly format?: undefined;
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

/** A point of a Litestream 0.3 backup, as names and the store's times tell: nothing inside it has a time. */
export interface LegacyPosition {
  readonly format: 'litestream-0.3';
  readonly generation: string;
  /** Of the last WAL file used, or of the snapshot where none follows it. */
  readonly index: number;
  /** Where its last segment begins; undefined where no WAL follows the snapshot. */
  readonly offset: number | undefined;
  /** The store's time of the newest object used. */
  readonly timestamp: Milliseconds;
  /** The same of the newest WAL segment: snapshots are also taken while nobody writes. */
  readonly walTimestamp: Milliseconds | undefined;
  /** How many segments are listed behind it that cannot be reached. */
  readonly unreachable: number;
}

/** What one replica said when asked what it holds. */
export type ReplicaAnswer = LtxAnswer | LegacyAnswer | Silence;

/** What a replica's LTX files come to. */
export type LtxAnswer =
  | { readonly kind: 'holds'; readonly replica: string; readonly position: LtxPosition; readonly beside?: undefined }
  /** It answered, and holds nothing. */
  | { readonly kind: 'empty'; readonly replica: string }
  /** It answered, and holds something, but not what is asked for: no sound chain, or not that TXID or time. */
  | { readonly kind: 'unsound'; readonly replica: string; readonly newestListed: Txid; readonly error: StationError };

/** A Litestream 0.3 backup is what a replica has newest. */
export interface LegacyAnswer {
  readonly kind: 'holds';
  readonly replica: string;
  readonly position: LegacyPosition;
  /** What its LTX files come to: where replication to it goes on. */
  readonly beside: LtxAnswer;
}

export type Silence =
  /** It refused, or could not be reached. */
  | { readonly kind: 'failed'; readonly replica: string; readonly error: StationError }
  /** Nothing was heard by the deadline. */
  | { readonly kind: 'no-answer'; readonly replica: string; readonly waited: Milliseconds };
