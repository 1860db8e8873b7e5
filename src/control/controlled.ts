import type { StationError } from '../errors.ts';
import type { Bytes, Milliseconds, Txid } from '../quantities.ts';

/** One database of this process, as far as somebody outside may ask for something. */
export interface Controlled {
  /** Absolute path of the database. */
  readonly path: string;
  /** Where its own socket is, unless all share one. */
  readonly socket: string;
  /**
   * Captures everything committed before the call, and waits until each replica holds it, or will not.
   * @param signal ends the waiting; the outcome then tells what is missing
   * @throws StationError CAPTURE_FAILED, STAGING_FAILED; the signal's reason where not even the capture was done by then
   */
  sync(signal: AbortSignal, wait: 'for-replicas' | 'for-capture'): Promise<SyncOutcome>;
  /** Undefined while it is not replicated yet, or no more. */
  state(): DatabaseState | undefined;
}

export interface SyncOutcome {
  readonly database: string;
  /** The position that holds everything committed before the request. */
  readonly txid: Txid;
  readonly replicas: readonly SyncedReplica[];
}

export interface SyncedReplica {
  readonly replica: string;
  /** The last TXID it is known to hold. */
  readonly txid: Txid | undefined;
  readonly complete: boolean;
  /** Why it is not complete. */
  readonly reason: string | undefined;
}

/** Where the replication of one database stands. */
export interface DatabaseState {
  readonly database: string;
  readonly txid: Txid;
  /** When that was captured. */
  readonly timestamp: Milliseconds;
  readonly replicas: readonly ReplicaState[];
}

export interface ReplicaState {
  readonly replica: string;
  readonly status: 'unknown' | 'known' | 'following' | 'needs-snapshot' | 'stopped';
  readonly txid: Txid | undefined;
  /** What is captured and not there yet. */
  readonly missing: { readonly files: number; readonly bytes: Bytes; readonly since: Milliseconds | undefined };
  readonly lastSyncAt: Milliseconds | undefined;
  /** Set while its requests fail, or where nothing more is sent to it. */
  readonly failing: StationError | undefined;
  readonly lastError: { readonly at: Milliseconds; readonly error: StationError } | undefined;
}
