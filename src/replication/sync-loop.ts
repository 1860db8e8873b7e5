import { type StationError, toStationError } from '../errors.ts';
import { type Bytes, type Milliseconds, milliseconds, type Txid, txid } from '../quantities.ts';
import type { ChangeSet, Snapshot } from '../wal/change-set.ts';
import type { Follower } from '../wal/follower.ts';
import { backoffDelay, steadyBackoff } from './backoff.ts';
import type { ReplicaUploader } from './replica-uploader.ts';
import type { StagedFile } from './staged-files.ts';
import type { Staging } from './staging.ts';
import { nextSyncAt } from './sync-schedule.ts';
import { Wake } from './wake.ts';

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

/**
 * Turns commits into staged LTX files, one sync at a time: at once after a quiet time, else once per interval.
 * All that changes the staging folder happens in this one loop.
 */
export class SyncLoop {
  readonly #options: SyncOptions;
  readonly #wake = new Wake();
  /** Taken from the follower but not yet on disk, oldest first: a full disk must not lose them. */
  #unwritten: ChangeSet[] = [];
  #commits: 'none' | 'some' | 'now' = 'none';
  /** A snapshot is wanted that ends above this TXID. */
  #snapshotAbove: Txid | undefined;
  #tidyWanted = false;
  #failures = 0;
  #lastStart: Milliseconds | undefined;
  #stopped = false;
  #done: Promise<void> | undefined;

  constructor(options: SyncOptions) {
    this.#options = options;
  }

  start(): void {
    this.#done ??= this.#run();
  }

  /** Commits were noticed. */
  committed(): void {
    if (this.#commits === 'none') this.#commits = 'some';
    this.#wake.wake();
  }

  /** Sync now, whatever the interval says. */
  syncSoon(): void {
    this.#commits = 'now';
    this.#wake.wake();
  }

  /** A replica needs the whole database, as a file that ends above TXID `above`. */
  wantSnapshot(above: Txid): void {
    this.#snapshotAbove = txid(Math.max(this.#snapshotAbove ?? 0, above));
    this.#wake.wake();
  }

  /** A replica has got further: files may leave the staging folder. */
  uploaded(): void {
    this.#tidyWanted = true;
    this.#wake.wake();
  }

  /**
   * The last capture: ends the loop, reads the tail, closes the database.
   * @throws StationError where the tail could not be captured or staged
   */
  async finish(): Promise<void> {
    this.#stopped = true;
    this.#wake.wake();
    await this.#done;
    if (this.#snapshotAbove !== undefined) await this.#sync().catch((error: unknown) => this.#failed(error));
    this.#unwritten.push(...(await this.#options.follower.finish()));
    await this.#writeOut();
    this.#wakeUploaders();
  }

  /** After the last upload: what every replica holds leaves the staging folder. */
  async tidyAtEnd(): Promise<void> {
    await this.#tidy('now');
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const due = this.#due();
      if (due !== 0) {
        await this.#wake.sleep(due);
        continue;
      }
      try {
        if (this.#commits !== 'none' || this.#snapshotAbove !== undefined) await this.#sync();
        if (this.#tidyWanted) await this.#tidy('in-batches');
        this.#failures = 0;
      } catch (error) {
        this.#failures += 1;
        this.#failed(error);
        const delay = backoffDelay(this.#failures, steadyBackoff, this.#options.random());
        if (!this.#stopped) await this.#wake.sleep(delay);
      }
    }
  }

  #failed(error: unknown): void {
    this.#options.events.failed(toStationError(error));
  }

  /** Milliseconds until there is something to do; undefined: until woken. */
  #due(): Milliseconds | undefined {
    if (this.#tidyWanted || this.#snapshotAbove !== undefined || this.#commits === 'now') return milliseconds(0);
    if (this.#commits === 'none' && this.#unwritten.length === 0) return undefined;
    const now = this.#options.monotonicClock();
    return milliseconds(nextSyncAt(now, this.#lastStart, this.#options.interval) - now);
  }

  async #sync(): Promise<void> {
    const { follower, staging } = this.#options;
    this.#lastStart = this.#options.monotonicClock();
    const asked = this.#commits;
    const above = this.#snapshotAbove;
    this.#commits = 'none';
    this.#snapshotAbove = undefined;
    try {
      const { changeSet, snapshot } = await follower.changes({ snapshot: above !== undefined });
      if (changeSet !== undefined) this.#unwritten.push(changeSet);
      try {
        await this.#writeOut();
        if (above !== undefined && snapshot !== undefined) await this.#stageSnapshot(snapshot, above);
      } finally {
        await snapshot?.release();
      }
    } catch (error) {
      if (this.#commits === 'none') this.#commits = asked === 'none' ? 'some' : asked;
      if (above !== undefined) this.wantSnapshot(above);
      throw error;
    }
    if (staging.bytesAbove(txid(0)) > this.#options.stagingMaxBytes) this.#tidyWanted = true;
    this.#wakeUploaders();
  }

  async #stageSnapshot(snapshot: Snapshot, above: Txid): Promise<void> {
    const { staging } = this.#options;
    if (staging.position.txid <= above) await staging.continueAbove(above);
    await staging.stageSnapshot(snapshot);
  }

  async #writeOut(): Promise<void> {
    for (let changes = this.#unwritten[0]; changes !== undefined; changes = this.#unwritten[0]) {
      const file = await this.#options.staging.append(changes);
      this.#unwritten.shift();
      await changes.release();
      this.#options.events.captured(file, changes);
    }
  }

  async #tidy(when: 'now' | 'in-batches'): Promise<void> {
    this.#tidyWanted = false;
    const { staging, uploaders, stagingMaxBytes } = this.#options;
    const readers = uploaders
      .filter((uploader) => uploader.status.kind !== 'stopped')
      .map((uploader) => ({ position: uploader.position, reachable: uploader.health.kind === 'answering' }));
    const { dropped } = await staging.tidy(readers, stagingMaxBytes, when);
    if (dropped.length > 0) this.#options.events.dropped(dropped);
  }

  #wakeUploaders(): void {
    for (const uploader of this.#options.uploaders) uploader.wake();
  }
}
