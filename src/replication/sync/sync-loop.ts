import { StationError, toStationError } from '../../errors.ts';
import { type Bytes, type Milliseconds, milliseconds, type Txid } from '../../quantities.ts';
import { backoffDelay, steadyBackoff } from '../../storage/backoff.ts';
import type { ChangeSet, Snapshot } from '../../wal/change-set.ts';
import type { Follower } from '../../wal/follower.ts';
import type { ReplicaUploader } from '../replica/replica-uploader.ts';
import type { StagedFile } from '../staging/staged-files.ts';
import type { Staging } from '../staging/staging.ts';
import type { TakenSnapshot } from '../upkeep/database-snapshots.ts';
import { Wake } from '../wake.ts';
import { type SnapshotWish, wishDueAt, wishedAbove } from './snapshot-wish.ts';
import { StagedCaptures } from './staged-captures.ts';
import { syncDueAt } from './sync-schedule.ts';

export interface SyncEvents {
  /** A change set is durable in the staging folder. */
  captured(file: StagedFile, changes: ChangeSet): void;
  /** Nothing could be captured or staged; it is tried again. */
  failed(error: StationError): void;
  /** The cap took files that an unreachable replica lacks. */
  dropped(files: readonly StagedFile[]): void;
}

export interface SyncOptions {
  readonly follower: Follower;
  readonly staging: Staging;
  readonly uploaders: readonly ReplicaUploader[];
  readonly interval: Milliseconds;
  readonly stagingMaxBytes: Bytes;
  readonly events: SyncEvents;
  readonly monotonicClock: () => Milliseconds;
  readonly random: () => number;
}

/** How often a capture is made for somebody who waits for all that there is. */
const UNREAD_TRIES = 3;

/**
 * Turns commits into staged LTX files, one sync at a time: at once after a quiet time, else once per interval.
 * All that changes the staging folder happens in this one loop.
 */
export class SyncLoop {
  readonly #options: SyncOptions;
  readonly #wake = new Wake();
  readonly #captures: StagedCaptures;
  #commits: 'none' | 'some' | 'now' = 'none';
  /** Somebody waits for a snapshot of the next sync, to do with as he likes. */
  #copy: PromiseWithResolvers<TakenSnapshot | undefined> | undefined;
  /** Somebody waits for the next capture. */
  #asked: PromiseWithResolvers<Txid> | undefined;
  /** The last capture could not read everything that there is. */
  #isUnread = false;
  #wish: SnapshotWish | undefined;
  #tidy: 'not-needed' | 'in-batches' | 'now' = 'not-needed';
  #failures = 0;
  /** After a failure; commits do not cut it short, since that would be a try per commit. */
  #pausedUntil = milliseconds(0);
  #stopped = false;
  #done: Promise<void> | undefined;

  constructor(options: SyncOptions) {
    const { follower, staging, monotonicClock, events } = options;
    this.#options = options;
    this.#captures = new StagedCaptures(follower, staging, monotonicClock, (file, changes) =>
      events.captured(file, changes),
    );
  }

  start(): void {
    this.#done ??= this.#run();
  }

  /** Commits were noticed. */
  committed(): void {
    if (this.#commits === 'none') this.#commits = 'some';
    if (this.#wish !== undefined) this.#wish = { ...this.#wish, waits: 'for-nothing' };
    this.#wake.wake();
  }

  /** Sync now, whatever the interval says. */
  syncSoon(): void {
    this.#commits = 'now';
    this.#pausedUntil = milliseconds(0);
    this.#wake.wake();
  }

  /**
   * Captures everything committed before the call; those who ask before it begins share one capture. Resolves to the
   * position that holds it.
   * @throws StationError CAPTURE_FAILED, STAGING_FAILED
   */
  async capture(): Promise<Txid> {
    if (this.#stopped) throw new StationError('CAPTURE_FAILED', 'the replication of this database is being stopped');
    this.#asked ??= Promise.withResolvers();
    this.syncSoon();
    return await this.#asked.promise;
  }

  /** A replica needs the whole database, as a file that ends above TXID `above`. */
  wantSnapshot(above: Txid): void {
    this.#wish = wishedAbove(this.#wish, above);
    this.#wake.wake();
  }

  /**
   * The database as of a sync that is made for it; undefined while there is none. Capturing goes on while it is held.
   * @throws StationError CAPTURE_FAILED, STAGING_FAILED
   */
  async takeSnapshot(): Promise<TakenSnapshot | undefined> {
    // Each has one of his own, to release when he likes.
    while (this.#copy !== undefined) await this.#copy.promise.catch(() => undefined);
    if (this.#stopped) return undefined;
    const copy = Promise.withResolvers<TakenSnapshot | undefined>();
    this.#copy = copy;
    this.#wake.wake();
    return await copy.promise;
  }

  /** A replica has got further: files may leave the staging folder. */
  uploaded(): void {
    if (this.#tidy === 'not-needed') this.#tidy = 'in-batches';
    this.#wake.wake();
  }

  /**
   * The last capture: ends the loop, reads the tail, closes the database.
   * @throws StationError where the tail could not be captured or staged
   */
  async finish(): Promise<void> {
    await this.#end();
    // Now or never: after the end there is no database to read. What comes after it follows at level 0.
    if (this.#wish !== undefined) await this.#takeAndStage().catch((error: unknown) => this.#failed(error));
    await this.#captures.finish();
    this.#wakeUploaders();
  }

  /** Ends the loop and closes the database without a last capture: the next start reads on from the saved position. */
  async abandon(): Promise<void> {
    await this.#end();
    await this.#captures.abandon();
  }

  /** After the last upload: what every replica holds leaves the staging folder. A failure costs only room. */
  async tidyAtEnd(): Promise<void> {
    this.#tidy = 'now';
    await this.#tidyUp().catch((error: unknown) => this.#failed(error));
  }

  async #end(): Promise<void> {
    this.#stopped = true;
    this.#wake.wake();
    await this.#done;
    this.#copy?.resolve(undefined);
    this.#copy = undefined;
    this.#asked?.reject(new StationError('CAPTURE_FAILED', 'the replication of this database is being stopped'));
    this.#asked = undefined;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const due = this.#due();
      if (due !== 0) {
        await this.#wake.sleep(due);
        continue;
      }
      try {
        const now = this.#options.monotonicClock();
        if (this.#syncDueAt(now) === now) await this.#sync();
        if (this.#tidy !== 'not-needed') await this.#tidyUp();
        this.#failures = 0;
      } catch (error) {
        await this.#pauseAfter(error);
      }
    }
  }

  async #pauseAfter(error: unknown): Promise<void> {
    this.#failures += 1;
    this.#failed(error);
    const delay = backoffDelay(this.#failures, steadyBackoff, this.#options.random());
    this.#pausedUntil = milliseconds(this.#options.monotonicClock() + delay);
    // On a full disk, room is what helps.
    this.#tidy = 'now';
    await this.#tidyUp().catch((failure: unknown) => this.#failed(failure));
  }

  #failed(error: unknown): void {
    this.#options.events.failed(toStationError(error));
  }

  /** Milliseconds until there is something to do; undefined: until woken. */
  #due(): Milliseconds | undefined {
    const now = this.#options.monotonicClock();
    const next = this.#tidy === 'not-needed' ? this.#syncDueAt(now) : now;
    return next === undefined ? undefined : milliseconds(Math.max(0, this.#pausedUntil - now, next - now));
  }

  #syncDueAt(now: Milliseconds): Milliseconds | undefined {
    const { hasUnwritten, lastStart } = this.#captures;
    const { interval } = this.#options;
    const isCopyWanted = this.#copy !== undefined;
    return syncDueAt(
      { commits: this.#commits, hasUnwritten, lastStart, interval, wish: this.#wish, isCopyWanted },
      now,
    );
  }

  async #sync(): Promise<void> {
    const asked = this.#commits;
    this.#commits = 'none';
    const waiting = this.#asked;
    this.#asked = undefined;
    try {
      await this.#takeAndStage();
      if (waiting !== undefined) await this.#answer(waiting);
    } catch (error) {
      waiting?.reject(error);
      if (this.#commits === 'none') this.#commits = asked === 'none' ? 'some' : asked;
      throw error;
    }
    if (this.#options.staging.size > this.#options.stagingMaxBytes && this.#tidy === 'not-needed') {
      this.#tidy = 'in-batches';
    }
    this.#wakeUploaders();
  }

  /** A database that was replaced is read in two captures: the end of the old one, and then the new one. */
  async #answer(waiting: PromiseWithResolvers<Txid>): Promise<void> {
    for (let count = 0; this.#isUnread && count < UNREAD_TRIES; count += 1) await this.#takeAndStage();
    if (this.#isUnread) waiting.reject(new StationError('CAPTURE_FAILED', 'the database is locked by its application'));
    else waiting.resolve(this.#options.staging.position.txid);
  }

  async #takeAndStage(): Promise<void> {
    const wish = this.#dueWish();
    // A wish may give the position another TXID; the copy is taken of the sync after that.
    const copy = wish === undefined ? this.#copy : undefined;
    if (copy !== undefined) this.#copy = undefined;
    try {
      const snapshot = await this.#takeAndStageWith(wish, copy !== undefined);
      const { txid: at, timestamp } = this.#options.staging.position;
      copy?.resolve(snapshot && { snapshot, txid: at, timestamp });
    } catch (error) {
      copy?.reject(error);
      throw error;
    }
  }

  /** The snapshot, where `copies` asks for one to be handed on. */
  async #takeAndStageWith(wish: SnapshotWish | undefined, copies: boolean): Promise<Snapshot | undefined> {
    const { snapshot, isUnread } = await this.#captures.take(wish !== undefined || copies);
    this.#isUnread = isUnread;
    let isHandedOn = false;
    try {
      if (wish !== undefined) await this.#fulfil(wish, snapshot);
      isHandedOn = copies && this.#options.staging.position.txid > 0;
      return isHandedOn ? snapshot : undefined;
    } finally {
      if (!isHandedOn) await snapshot?.release();
    }
  }

  /** At the end it is now or never. */
  #dueWish(): SnapshotWish | undefined {
    const wish = this.#wish;
    if (wish === undefined || this.#stopped) return wish;
    const now = this.#options.monotonicClock();
    return wishDueAt(wish, now) === now ? wish : undefined;
  }

  /** A snapshot that fails must not hold up the syncs that other replicas live on: it is tried again by itself. */
  async #fulfil(wish: SnapshotWish, snapshot: Snapshot | undefined): Promise<void> {
    if (snapshot === undefined) {
      this.#wish = { ...(this.#wish ?? wish), waits: 'for-a-commit' };
      return;
    }
    try {
      await this.#captures.stageSnapshot(snapshot, wish.above);
      this.#wish = undefined;
    } catch (error) {
      const failures = wish.failures + 1;
      const delay = backoffDelay(failures, steadyBackoff, this.#options.random());
      const notBefore = milliseconds(this.#options.monotonicClock() + delay);
      this.#wish = { ...(this.#wish ?? wish), failures, notBefore };
      this.#failed(error);
    }
  }

  async #tidyUp(): Promise<void> {
    const when = this.#tidy === 'now' ? 'now' : 'in-batches';
    this.#tidy = 'not-needed';
    const { staging, uploaders, stagingMaxBytes } = this.#options;
    const readers = uploaders.map((uploader) => uploader.reader).filter((reader) => reader !== undefined);
    const { dropped } = await staging.tidy(readers, stagingMaxBytes, when);
    if (dropped.length > 0) this.#options.events.dropped(dropped);
  }

  #wakeUploaders(): void {
    for (const uploader of this.#options.uploaders) uploader.wake();
  }
}
