import type { StationError } from '../errors.ts';
import type { Bytes, Milliseconds, Txid } from '../quantities.ts';

/** What the supervisor asks of replication, and nothing more: it knows no WAL and no bucket. */
export interface Replication {
  /**
   * Before the child: restores where needed and opens the databases.
   * `signal` aborts when a stop is asked for meanwhile; then it rejects soon, leaving nothing half done.
   * Throws StationError; with it the child is not started and the error's exit status is ours.
   */
  prepare(signal: AbortSignal): Promise<void>;
  /** Starts a sync and returns at once: called when the stop begins, so that little is left for the drain. */
  syncSoon(): void;
  /**
   * The last capture and upload, once no process of the child is left. Returns soon after `timeUp` aborts, whatever the
   * stores do, and tells what each replica lacks.
   */
  drain(timeUp: AbortSignal): Promise<DrainReport>;
  /** Resolves if another writer fenced this one, or replication failed for good; never otherwise. Never rejects. */
  readonly failed: Promise<StationError>;
  /**
   * Resolves once another instance of this service asks for the lease: to be answered with a drain, and `close`, which
   * releases it. Never otherwise. Never rejects.
   */
  readonly handover: Promise<HandoverRequest>;
  /** Releases leases, databases and sockets. Called once, last, also after a failed `prepare`. */
  close(): Promise<void>;
}

/** Who waits for the lease that this process holds. */
export interface HandoverRequest {
  /** The database that it wants to go on with. */
  readonly database: string;
  /** The newcomer's name, as the lease tells it. */
  readonly by: string;
}

export interface DrainReport {
  /** True when nothing the child committed would be lost with this machine; see `isDrainComplete`. */
  readonly complete: boolean;
  readonly replicas: readonly ReplicaDrain[];
}

export interface ReplicaDrain {
  readonly database: string;
  readonly replica: string;
  readonly complete: boolean;
  readonly missing: MissingCommits;
  /** Why it is not complete, in the words for the log. */
  readonly reason: string | undefined;
}

export interface MissingCommits {
  /** Level-0 files, which is to say TXIDs, that the replica lacks. */
  readonly files: number;
  /** The first and the last of those TXIDs; undefined if none is missing. */
  readonly txids: { readonly first: Txid; readonly last: Txid } | undefined;
  readonly bytes: Bytes;
  /** When the oldest of them was captured, as milliseconds since the Unix epoch. */
  readonly since: Milliseconds | undefined;
}

/** How many replicas of each database must hold everything for the drain to count as complete. */
export type DrainRequirement = 'one' | 'all';

/**
 * Whether a drain was complete: with `one`, each database has at least one replica that holds everything;
 * with `all`, every replica does. A database with no replica (ephemeral mode) asks for nothing.
 */
export function isDrainComplete(replicas: readonly ReplicaDrain[], requirement: DrainRequirement): boolean {
  if (requirement === 'all') return replicas.every((replica) => replica.complete);
  const satisfied = new Set(replicas.filter((replica) => replica.complete).map((replica) => replica.database));
  return replicas.every((replica) => satisfied.has(replica.database));
}
