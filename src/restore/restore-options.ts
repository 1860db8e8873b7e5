import type { Bytes, Milliseconds, Txid } from '../quantities.ts';
import type { ReplicaAnswer, ReplicaPosition } from './answer.ts';
import type { PartedHistories, RestorePolicy } from './choose.ts';
import type { NamedReplica, RestoreTarget } from './restore-target.ts';

/** SQLite's own check of the restored file, beside all LTX checksums, which are always verified. */
export interface IntegrityPolicy {
  readonly mode: 'none' | 'quick' | 'full';
  /** A larger database is published unchecked, and the outcome says `deferred`: the caller checks it after the start. */
  readonly maxBytes: Bytes;
  /** Give way to whoever else needs the processor. */
  readonly priority?: 'low';
}

/** What a restore tells while it works: lines for people, and how far it is. Nothing here may block. */
export interface RestoreEvents {
  step(line: string): void;
  warn(line: string): void;
  progress(doneBytes: Bytes, totalBytes: Bytes): void;
  /** The last call, however the restore ended: what shows progress can be cleared away. */
  ended?(): void;
}

export interface RestoreRequest {
  readonly replicas: readonly NamedReplica[];
  readonly target: RestoreTarget;
  readonly policy: RestorePolicy;
  readonly events: RestoreEvents;
  readonly signal: AbortSignal;
  /** How long a replica may take to answer, with its retries; 30 s if not given. */
  readonly answerTimeout?: Milliseconds;
}

export interface RestoreDatabaseOptions extends RestoreRequest {
  /** Where the database is published. Whatever is there must be absent, or zero bytes, unless `overwrite`. */
  readonly output: string;
  readonly overwrite?: boolean;
  /**
   * Folder for the file while it is not proven, on the same file system as `output`; made, emptied and removed here.
   * If not given, one beside the output.
   */
  readonly workFolder?: string;
  /** Where the page checksums of the restored state go (format: `checksum-file.ts`); undefined: nowhere. */
  readonly checksumFile: string | undefined;
  readonly integrity: IntegrityPolicy;
  /** Requests at a time; 16 if not given, of which 8 are for pieces of large files. */
  readonly parallelism?: number;
  /**
   * Called when the copy is proven and nothing is published yet: what must be on disk before the database is (the
   * position it is at) is written here. If it rejects, nothing is published.
   */
  readonly beforePublish?: (proven: ProvenCopy) => Promise<void>;
  /** The clock, for tests; milliseconds since the epoch. */
  readonly now?: () => Milliseconds;
}

/** A copy about to be published. */
export interface ProvenCopy {
  readonly replica: string;
  readonly position: ReplicaPosition;
  readonly timestamp: Milliseconds;
  readonly answers: readonly ReplicaAnswer[];
}

export interface RestoredDatabase {
  readonly kind: 'restored';
  readonly replica: string;
  /** What was restored. */
  readonly position: ReplicaPosition;
  /** 0 for a state of a Litestream 0.3 backup, which has none. */
  readonly txid: Txid;
  /** When the restored state was captured, by the LTX header, or by the store's times of a Litestream 0.3 backup. */
  readonly timestamp: Milliseconds;
  readonly pageSize: number;
  readonly commit: number;
  readonly files: number;
  readonly bytesDownloaded: Bytes;
  readonly elapsed: Milliseconds;
  readonly integrity: 'ok' | 'deferred' | 'skipped';
  /** What was lost or passed over on the way, in words; empty when the newest copy was sound. */
  readonly fellBack: readonly string[];
  readonly parted: readonly PartedHistories[];
  /** How each replica stands, so that replication knows what it lacks. */
  readonly answers: readonly ReplicaAnswer[];
  /** Leftovers beside the absent database, by their new names. */
  readonly movedAside: readonly string[];
}

export type RestoreOutcome =
  | RestoredDatabase
  /** Every replica answered, and none holds anything. */
  | { readonly kind: 'empty'; readonly answers: readonly ReplicaAnswer[] };
