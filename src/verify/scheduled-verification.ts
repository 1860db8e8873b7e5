import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isStationError, StationError, toStationError } from '../errors.ts';
import { formatTxid } from '../ltx/file-name.ts';
import type { Log } from '../observe/log.ts';
import type { Milliseconds, Txid } from '../quantities.ts';
import type { StagingFolder } from '../replication/staging/staging-folder.ts';
import type { TakenSnapshot } from '../replication/upkeep/database-snapshots.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Snapshot } from '../wal/change-set.ts';
import { SerialQueue } from '../wal/serial-queue.ts';
import { isSound, type ReplicaFindings } from './findings.ts';
import { nextVerificationAt } from './next-verification.ts';
import { paceReads } from './paced-store.ts';
import { type PageSource, writeDigests } from './page-digests.ts';
import type { ReferenceResult } from './reference.ts';
import { loadVerificationRecord, saveVerificationRecord } from './verification-record.ts';
import { verifyReplica } from './verify-replica.ts';
import { withWorkFolder } from './work-folder.ts';

export interface VerifiedReplica {
  readonly name: string;
  readonly store: ObjectStore;
  readonly interval: Milliseconds;
  /** Brings it to a TXID; tells whether it is there. */
  readonly reach: (target: Txid, signal: AbortSignal) => Promise<boolean>;
  /** Carries `db` and `replica`. */
  readonly log: Log;
}

export interface ScheduledVerificationOptions {
  readonly staging: StagingFolder;
  /** Undefined while there is no database. */
  readonly takeSnapshot: () => Promise<TakenSnapshot | undefined>;
  readonly wallClock: () => Milliseconds;
}

/** A timer is set no further ahead: clocks are set anew, and timers have a limit. */
const LONGEST_SLEEP = 24 * 3_600_000;
/** How long the replica may take to hold what it is compared with. */
const REACH_PATIENCE = 120_000;
/** One at a time in the whole process: what runs beside the application takes little of anything. */
const turn = new SerialQueue();
/** These mean that nothing is known of the replica, and not that it is damaged. */
const NO_VERDICT = ['STORAGE_UNREACHABLE', 'STORAGE_THROTTLED', 'RESTORE_UNREACHABLE', 'RESTORE_WRITE'] as const;

/** Verifies the replicas of one database from time to time, while it is replicated, at the lowest priority. */
export class ScheduledVerification {
  readonly #options: ScheduledVerificationOptions;
  readonly #stop = new AbortController();
  readonly #root: string;
  readonly #recordPath: string;
  readonly #record = new Map<string, Milliseconds>();
  #done: Promise<unknown> = Promise.resolve();
  /** While a snapshot of the database is held. */
  #holding: Promise<unknown> = Promise.resolve();

  constructor(options: ScheduledVerificationOptions) {
    this.#options = options;
    const own = dirname(options.staging.lock);
    this.#root = join(own, 'verify');
    this.#recordPath = join(own, 'verified.json');
  }

  start(replicas: readonly VerifiedReplica[]): void {
    if (replicas.length === 0) return;
    this.#done = this.#run(replicas);
  }

  /** Breaks off what is under way. The database is let go of when this returns; a store may take longer. */
  async breakOff(): Promise<void> {
    this.#stop.abort(new StationError('RESTORE_NOT_AVAILABLE', 'the verification was broken off'));
    await this.#holding.catch(() => undefined);
  }

  /** The same, and nothing is under way any more when this returns. */
  async stop(): Promise<void> {
    await this.breakOff();
    await this.#done;
  }

  async #run(replicas: readonly VerifiedReplica[]): Promise<void> {
    // Nobody else works there: what is left was left by a process that was killed.
    await rm(this.#root, { recursive: true, force: true }).catch(() => undefined);
    for (const [name, time] of await loadVerificationRecord(this.#recordPath)) this.#record.set(name, time);
    const startedAt = this.#options.wallClock();
    await Promise.all(replicas.map((replica) => this.#keepVerifying(replica, startedAt)));
  }

  async #keepVerifying(replica: VerifiedReplica, startedAt: Milliseconds): Promise<void> {
    const { signal } = this.#stop;
    let failedAt: Milliseconds | undefined;
    while (!signal.aborted) {
      const now = this.#options.wallClock();
      const due = nextVerificationAt(replica.interval, startedAt, this.#record.get(replica.name), failedAt);
      if (due > now) {
        const wait = Math.min(due - now, LONGEST_SLEEP);
        await pause(wait, undefined, { signal, ref: false }).catch(() => undefined);
        continue;
      }
      const isDone = await turn.run(async () => await this.#verify(replica));
      failedAt = isDone ? undefined : this.#options.wallClock();
    }
  }

  /** Tells whether there was a verdict. */
  async #verify(replica: VerifiedReplica): Promise<boolean> {
    const { signal } = this.#stop;
    if (signal.aborted) return false;
    try {
      const findings = await withWorkFolder(this.#root, async (folder) => {
        const reference = await this.#reference(replica, folder);
        return await verifyReplica({
          replica: { name: replica.name, store: paceReads(replica.store) },
          effort: 'restore',
          timestamp: undefined,
          folder,
          reference,
          parallelism: 1,
          priority: 'low',
          signal,
        });
      });
      const hasVerdict = tell(findings, replica.log);
      if (hasVerdict) await this.#note(replica.name);
      return hasVerdict;
    } catch (thrown) {
      if (signal.aborted) return false;
      const { message, hint } = toStationError(thrown);
      replica.log.warn(`the replica could not be verified: ${message}`, { hint });
      return false;
    }
  }

  async #reference({ reach }: VerifiedReplica, folder: string): Promise<ReferenceResult> {
    const { signal } = this.#stop;
    const digests = join(folder, 'live-pages');
    const reading = this.#readLive(digests);
    this.#holding = reading;
    const txid = await reading;
    if (txid === undefined) return { kind: 'none', why: 'there is no database' };
    const isThere = await reach(txid, AbortSignal.any([signal, AbortSignal.timeout(REACH_PATIENCE)]));
    signal.throwIfAborted();
    if (!isThere) return { kind: 'none', why: `the replica does not hold TXID ${formatTxid(txid)} yet` };
    return { kind: 'reference', reference: { txid, digests, certainty: 'proven' } };
  }

  async #readLive(digests: string): Promise<Txid | undefined> {
    const taken = await this.#options.takeSnapshot();
    if (taken === undefined) return undefined;
    const { snapshot, txid } = taken;
    try {
      await writeDigests(stoppable(snapshot, this.#stop.signal), txid, digests);
      return txid;
    } finally {
      await snapshot.release();
    }
  }

  async #note(replica: string): Promise<void> {
    this.#record.set(replica, this.#options.wallClock());
    // Without it the next process verifies sooner.
    await saveVerificationRecord(this.#recordPath, this.#record).catch(() => undefined);
  }
}

function stoppable(snapshot: Snapshot, signal: AbortSignal): PageSource {
  return {
    pageSize: snapshot.pageSize,
    commit: snapshot.commit,
    async *pages() {
      for await (const batch of snapshot.pages()) {
        signal.throwIfAborted();
        yield batch;
      }
    },
  };
}

function tell(findings: ReplicaFindings, log: Log): boolean {
  const { objects, bytes, elapsed, comparison, damaged, errors, restored } = findings;
  if (isSound(findings)) {
    log.info('replica verified: it is sound', {
      objects,
      bytes,
      seconds: Math.round(elapsed / 1000),
      restored:
        restored?.position.format === undefined ? restored && formatTxid(restored.position.txid) : 'litestream 0.3',
      compared: comparison?.kind === 'not-compared' ? `no: ${comparison.why}` : comparison?.kind,
    });
    return true;
  }
  const isUndecided = damaged.length === 0 && comparison?.kind !== 'different';
  if (isUndecided && errors.every((error) => isStationError(error, ...NO_VERDICT))) {
    log.warn(`the replica could not be verified: ${errors[0]?.message}`, { hint: errors[0]?.hint });
    return false;
  }
  const [first] = errors;
  const what =
    damaged.length > 0
      ? `${damaged.length} damaged: ${damaged
          .slice(0, 3)
          .map(({ key, what: why }) => `${key} ${why}`)
          .join('; ')}`
      : comparison?.kind === 'different'
        ? `the restored database is not the live one at TXID ${formatTxid(comparison.txid)}: ${comparison.what}`
        : first?.message;
  log.error(`the replica is not sound: ${what}`, {
    hint: 'run "station-entrypoint verify" for all of it; a new snapshot mends what comes after it: see docs/commands.md',
  });
  return true;
}
