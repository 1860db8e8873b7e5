import type { Controlled, DatabaseState, SyncOutcome } from '../control/controlled.ts';
import { StationError, toStationError } from '../errors.ts';
import type { HandoverRequest, ReplicaDrain } from '../supervisor/replication-port.ts';
import { aborted } from '../waiting.ts';
import type { SerialQueue } from '../wal/serial-queue.ts';
import { endFenced } from './fenced-end.ts';
import { waitForEnd } from './last-sync.ts';
import type { PrepareOptions } from './replication-settings.ts';
import { RunningDatabase } from './running-database.ts';
import { stagingFolderAt } from './staging/staging-folder.ts';
import { noteCompleteEnd } from './start/complete-end.ts';
import { deferredCheck } from './start/deferred-check.ts';
import { type PreparedDatabase, prepareDatabase } from './start/prepare-database.ts';
import { type LeaseListener, noUploads } from './start/replica-leases.ts';
import { watchHandover } from './watch-handover.ts';

/** The life of one database: prepared, followed and brought to all its replicas, drained, closed. */
export class DatabaseReplication implements Controlled {
  readonly #options: PrepareOptions;
  readonly #mergeTurn: SerialQueue;
  readonly #closing = new AbortController();
  readonly #failure = Promise.withResolvers<StationError>();
  readonly #handover = Promise.withResolvers<HandoverRequest>();
  #prepared: PreparedDatabase | undefined;
  #running: RunningDatabase | undefined;
  /** Another instance goes on, or has written where this one would have. */
  #fence: StationError | undefined;
  #askedBy: string | undefined;
  #draining: Promise<readonly ReplicaDrain[]> | undefined;
  /** What the drain has come to: every commit is staged, or even in every replica. */
  #end: 'not-captured' | 'captured' | 'complete' = 'not-captured';
  #keeping: Promise<void> | undefined;

  /** @param mergeTurn one for all databases of the process */
  constructor(options: PrepareOptions, mergeTurn: SerialQueue) {
    this.#options = options;
    this.#mergeTurn = mergeTurn;
  }

  get path(): string {
    return this.#options.database.path;
  }

  get socket(): string {
    return stagingFolderAt(this.#options.database.stagingFolder).socket;
  }

  /** Resolves if another writer fenced this one; never otherwise. */
  get failed(): Promise<StationError> {
    return this.#failure.promise;
  }

  /** Resolves if another instance asks for the lease; never otherwise. */
  get handover(): Promise<HandoverRequest> {
    return this.#handover.promise;
  }

  /** Restores where needed, opens the database, starts to follow it. The child may start when this returns. */
  async prepare(signal: AbortSignal): Promise<void> {
    const prepared = await prepareDatabase(this.#options, this.#leaseListener, signal);
    this.#prepared = prepared;
    const fenced = (error: StationError) => {
      this.#fence ??= error;
      this.#failure.resolve(error);
    };
    const running = await RunningDatabase.open(this.#options, prepared, this.#mergeTurn, fenced);
    this.#running = running;
    // Lost between its acquisition and now.
    if (this.#fence !== undefined) running.fence(this.#fence);
    await running.start();
    if (prepared.check === 'deferred') void deferredCheck(this.#options, this.#closing.signal);
  }

  syncSoon(): void {
    this.#running?.syncSoon();
  }

  async sync(signal: AbortSignal, wait: 'for-replicas' | 'for-capture'): Promise<SyncOutcome> {
    if (this.#running === undefined)
      throw new StationError('CAPTURE_FAILED', 'the replication of this database has not begun');
    return await this.#running.sync(signal, wait);
  }

  state(): DatabaseState | undefined {
    return this.#closing.signal.aborted ? undefined : this.#running?.state();
  }

  /** The last capture and upload, once; returns soon after the first `timeUp` aborts. */
  drain(timeUp: AbortSignal): Promise<readonly ReplicaDrain[]> {
    this.#draining ??= this.#drain(timeUp);
    return this.#draining;
  }

  async #drain(timeUp: AbortSignal): Promise<readonly ReplicaDrain[]> {
    const running = this.#running;
    if (running === undefined) return [];
    const isTimeUp = aborted(timeUp);
    const uncaptured = await running.finish(isTimeUp);
    const report = running.drained(uncaptured);
    if (uncaptured === undefined) this.#end = report.every(({ complete }) => complete) ? 'complete' : 'captured';
    if (this.#fence !== undefined) await this.#keepOnce();
    else if (uncaptured === undefined) await Promise.race([running.tidyAtEnd(), isTimeUp]);
    return report;
  }

  /** Releases connections and the staging lock. Safe at any point, and after a failed `prepare`. */
  async close(): Promise<void> {
    this.#closing.abort();
    const running = this.#running;
    const stopped = Promise.resolve(running?.stop());
    await waitForEnd(stopped);
    // Before anything that takes time: somebody may be waiting for it.
    await this.#prepared?.leases.release((replica) => running?.uploadsEnd(replica) ?? noUploads);
    await stopped;
    if (this.#fence !== undefined) await this.#keepOnce();
    // The lock is let go of last: whoever waits for it must not meet this process in the staging folder.
    await this.#running?.abandon().catch((error: unknown) => this.#tellOfClose(error));
    await this.#noteCompleteEnd();
    await this.#prepared?.close();
    if (this.#askedBy !== undefined && this.#fence === undefined) void this.#watchHandover(this.#askedBy);
  }

  get #leaseListener(): LeaseListener {
    return {
      requested: (by) => {
        this.#askedBy ??= by;
        this.#handover.resolve({ database: this.path, by });
      },
      vanished: (replica) => this.#running?.lookAgain(replica),
      lost: (replica, error, deciding) => {
        if (!deciding) return this.#running?.leave(replica, error);
        this.#fence = error;
        this.#running?.fence(error);
        this.#failure.resolve(error);
      },
    };
  }

  /** Once, in the drain; or at the end, where the time was up before that came to it. */
  #keepOnce(): Promise<void> {
    this.#keeping ??= this.#keepUnreplicated();
    return this.#keeping;
  }

  async #keepUnreplicated(): Promise<void> {
    if (this.#fence === undefined || this.#running === undefined || this.#prepared === undefined) return;
    const { folder, staging } = this.#prepared;
    const end = {
      fence: this.#fence,
      tail: this.#end === 'not-captured' ? 'not-captured' : 'captured',
      held: this.#running.heldUpTo,
      now: new Date(this.#options.clocks.wall()),
    } as const;
    await endFenced(folder, staging, end, this.#options.log);
  }

  async #noteCompleteEnd(): Promise<void> {
    if (this.#end !== 'complete' || this.#fence !== undefined || this.#prepared === undefined) return;
    const { folder, staging } = this.#prepared;
    await noteCompleteEnd(folder.completeEnd, this.path, staging.position.txid).catch((error) =>
      this.#tellOfClose(error),
    );
  }

  /** Who asked may be dead: then this instance is not to stand by for nothing. */
  async #watchHandover(by: string): Promise<void> {
    try {
      const error = await watchHandover(this.#options, by);
      if (error !== undefined) this.#failure.resolve(error);
    } catch (error) {
      const why = toStationError(error).message;
      this.#options.log.warn('it cannot be seen whether the database is taken over', { by, why });
    }
  }

  #tellOfClose(error: unknown): void {
    const { message } = toStationError(error);
    this.#options.log.warn('the database could not be let go of in good order', { error: message });
  }
}
