import { isStationError, StationError, toStationError } from '../../errors.ts';
import type { Admission } from '../../lease/lease.ts';
import { bytes, type Milliseconds, milliseconds, type Txid, txid } from '../../quantities.ts';
import { backoffDelay, drainBackoff, steadyBackoff } from '../../storage/backoff.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { MissingCommits } from '../../supervisor/replication-port.ts';
import { firstAbove, type StagedFile } from '../staging/staged-files.ts';
import type { Staging } from '../staging/staging.ts';
import type { StagingReader } from '../staging/staging-cap.ts';
import { Wake } from '../wake.ts';
import { type RemotePosition, reconcile } from './reconcile.ts';
import { type ReplicaHealth, type ReplicaStatus, readerOf, snapshotAbove } from './replica-status.ts';
import { UploadAttempt } from './upload-attempt.ts';

/** What an uploader tells of; logging it is the listener's business. */
export interface UploaderEvents {
  uploaded(file: StagedFile): void;
  /** A request failed; it is tried again after `delay`. */
  failed(error: StationError, delay: Milliseconds): void;
  /** It answers again after `failures` failures. */
  recovered(failures: number): void;
  /** It needs the whole database; one is to be staged, and `wake` called. */
  needsSnapshot(why: string, above: Txid): void;
  /** Nothing more is sent to it: fenced, or it holds commits that this database never had. */
  stopped(error: StationError): void;
}

/** The right to append to the replica: asked before every request that leads to an upload. */
interface UploadPermit {
  /** @throws StationError LEASE_LOST; LEASE_HELD, STORAGE_*: not now */
  admit(signal: AbortSignal): Promise<Admission>;
  /** The replica holds what this disk continues. */
  noteWriter?(): void;
  hurry(): void;
}

export interface UploaderOptions {
  readonly store: ObjectStore;
  readonly staging: Staging;
  /** What it holds, where the start has found that out already. */
  readonly remote: RemotePosition | undefined;
  readonly ask: (signal: AbortSignal) => Promise<RemotePosition>;
  /** Undefined: the lease is off. */
  readonly lease: UploadPermit | undefined;
  /** Least time between two batches of uploads; 0 where the capture's own interval is as long. */
  readonly interval: Milliseconds;
  readonly events: UploaderEvents;
  /** It is known to hold another TXID of ours, also where nothing had to be sent for that; or none will follow. */
  readonly moved?: () => void;
  /** Level-0 files above this TXID are still to be merged there. */
  readonly mergedUpTo?: () => Txid | undefined;
  readonly monotonicClock: () => Milliseconds;
  readonly random: () => number;
}

/** What one step came to. */
type Progress =
  /** A request went well. */
  | 'answered'
  /** The next step is clear, and the replica was not asked for it. */
  | 'decided'
  /** Nothing to do until woken. */
  | 'idle'
  /** Nothing to do for this long. */
  | Milliseconds;

/** Brings one replica to the staged position, file by file, and keeps it there. It never gives up while running. */
export class ReplicaUploader {
  readonly #options: UploaderOptions;
  readonly #wake = new Wake();
  readonly #stop = new AbortController();
  #status: ReplicaStatus;
  #health: ReplicaHealth = { kind: 'answering' };
  #mode: 'steady' | 'drain' = 'steady';
  #lastBatch: Milliseconds | undefined;
  /** Files up to here belong to the batch under way, and go without a pause. */
  #batchEnd = txid(0);
  /** How often somebody has asked for all of it at once. */
  #asked = 0;
  #upload: UploadAttempt | undefined;
  /** The last TXID it was sent, or was found to hold, of ours. */
  #sentUpTo: Txid | undefined;
  /** An upload failed, and may have been taken all the same. */
  #inDoubt = false;
  #isFenced = false;
  #done: Promise<void> | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: UploaderOptions) {
    this.#options = options;
    this.#status = options.remote === undefined ? { kind: 'unknown' } : { kind: 'known', remote: options.remote };
  }

  get status(): ReplicaStatus {
    return this.#status;
  }

  get health(): ReplicaHealth {
    return this.#health;
  }

  /** The last TXID it is known to hold of ours. */
  get position(): Txid | undefined {
    return this.#status.kind === 'following' ? this.#status.position : undefined;
  }

  /** The same, also after it was stopped. */
  get sentUpTo(): Txid | undefined {
    return this.#sentUpTo;
  }

  /** Whether the last upload was broken off or not answered, so that it may still arrive. */
  get isInDoubt(): boolean {
    return this.#inDoubt;
  }

  /** What it needs of the staging folder; undefined if nothing is sent to it any more. */
  get reader(): StagingReader | undefined {
    // What it lacks may be in no replica at all: it stays staged until the drain has set it aside.
    if (this.#isFenced) return { position: this.#sentUpTo ?? txid(0), wantsSnapshot: false, reachable: true };
    const reader = readerOf(this.#status, this.#health, this.#options.staging);
    return reader && { ...reader, mergedUpTo: this.#options.mergedUpTo?.() };
  }

  get complete(): boolean {
    return this.position === this.#options.staging.position.txid;
  }

  /** What it still lacks of what is staged. */
  get missing(): MissingCommits {
    const held = this.position ?? txid(0);
    const last = this.#options.staging.position.txid;
    const files = this.#options.staging.level0.filter((file) => file.maxTxid > held);
    return {
      files: Math.max(files.length, last - held),
      txids: last > held ? { first: txid(held + 1), last } : undefined,
      bytes: bytes(files.reduce((sum, file) => sum + file.size, 0)),
      since: files[0]?.timestamp,
    };
  }

  start(): void {
    this.#done ??= this.#run();
  }

  /** Something was staged. */
  wake(): void {
    this.#wake.wake();
  }

  /** From now on: no pauses between batches, short waits after failures, no limit on the speed. */
  hurry(): void {
    this.#mode = 'drain';
    this.#options.lease?.hurry();
    // Before the limit on the time, which is due to the size alone.
    this.#options.store.liftUploadLimit?.();
    this.#upload?.limit(this.#failures);
    this.#wake.wake();
  }

  /** Resolves when it holds everything that is staged, or never will. To be called when nothing more gets staged. */
  async settled(): Promise<void> {
    while (!this.complete && !this.#isHopeless && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /**
   * Brings it to a TXID without a pause, and at once also where the last request failed. Resolves when it is there, when
   * nothing more is sent to it, or when the signal aborts. Tells whether it is there.
   */
  async reach(target: Txid, signal: AbortSignal): Promise<boolean> {
    this.#batchEnd = txid(Math.max(this.#batchEnd, target));
    this.#asked += 1;
    this.#wake.wake();
    const isThere = () => (this.position ?? 0) >= target;
    while (!isThere() && this.#status.kind !== 'stopped' && !this.#stop.signal.aborted && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const go = () => {
          signal.removeEventListener('abort', go);
          resolve();
        };
        signal.addEventListener('abort', go);
        this.#waiting.push(go);
      });
    }
    return isThere();
  }

  get #isHopeless(): boolean {
    const status = this.#status;
    return (
      status.kind === 'stopped' ||
      (status.kind === 'needs-snapshot' && snapshotAbove(this.#options.staging, status.above) === undefined)
    );
  }

  /** Another writer goes on with the database: nothing more is sent, and nothing staged is let go of. */
  fence(error: StationError): void {
    this.#isFenced = true;
    this.stopFor(error);
  }

  /** Nothing more is sent; what is under way is broken off. */
  stopFor(error: StationError): void {
    if (this.#status.kind === 'stopped') return;
    this.#status = { kind: 'stopped', error };
    this.#options.events.stopped(error);
    this.#options.moved?.();
    this.#stop.abort(error);
    this.#wake.wake();
    this.#tellWaiting();
  }

  /** Breaks off what is under way and ends. */
  async stop(): Promise<void> {
    this.#stop.abort(new StationError('STORAGE_UNREACHABLE', 'the time for the last sync is used up'));
    this.#wake.wake();
    this.#tellWaiting();
    await this.#done;
  }

  #tellWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted && this.#status.kind !== 'stopped') {
      try {
        const next = await this.#step();
        if (next === 'answered') this.#answered();
        this.#tellWaiting();
        if (next === 'idle') await this.#wake.sleep(undefined);
        else if (typeof next === 'number') await this.#wake.sleep(next);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        await this.#afterFailure(toStationError(error));
        this.#tellWaiting();
      }
    }
  }

  /** One request's worth of progress. */
  async #step(): Promise<Progress> {
    const { staging } = this.#options;
    switch (this.#status.kind) {
      case 'unknown': {
        // In this order: what is listed under the lease stays as it is until we write.
        await this.#options.lease?.admit(this.#stop.signal);
        const remote = await this.#options.ask(this.#stop.signal);
        if (this.#isStopped) return 'idle';
        this.#status = { kind: 'known', remote };
        return 'answered';
      }
      case 'known':
        this.#continueFrom(this.#status.remote);
        return 'decided';
      case 'needs-snapshot':
        return await this.#sendSnapshot(this.#status.why, this.#status.above);
      case 'following': {
        if (this.#status.position >= staging.position.txid) return 'idle';
        return this.#pause(this.#status.position) ?? (await this.#sendNext(this.#status.position));
      }
      case 'stopped':
        return 'idle';
    }
  }

  #continueFrom(remote: RemotePosition): void {
    const { staging } = this.#options;
    const staged = new Map(staging.level0.map((file) => [file.maxTxid, file.fileChecksum] as const));
    const continuation = reconcile(staging.position, remote, staged);
    switch (continuation.kind) {
      case 'append':
        this.#moveTo(continuation.after);
        return;
      case 'snapshot':
        this.#status = { kind: 'needs-snapshot', why: continuation.why, above: continuation.above };
        return;
      case 'ahead':
        if (remote.isAnothers === true) {
          this.fence(new StationError('FENCED', `${this.#options.store.url}: ${continuation.why}`));
          return;
        }
        this.stopFor(new StationError('REPLICA_AHEAD', `${this.#options.store.url}: ${continuation.why}`));
    }
  }

  async #sendNext(position: Txid): Promise<Progress> {
    const { level0 } = this.#options.staging;
    const next = level0[firstAbove(level0, position)];
    if (next?.minTxid !== position + 1) {
      this.#status = { kind: 'needs-snapshot', why: 'files it lacks are no longer staged', above: position };
      return 'decided';
    }
    return await this.#send(next);
  }

  /** Sends the staged snapshot, or asks for a new one and waits. */
  async #sendSnapshot(why: string, above: Txid): Promise<Progress> {
    const snapshot = snapshotAbove(this.#options.staging, above);
    if (snapshot !== undefined) return await this.#send(snapshot);
    if (this.#health.kind === 'failing') {
      // Not before it answers: while it is down, snapshot after snapshot would be made and outdated.
      this.#status = { kind: 'unknown' };
      return 'decided';
    }
    this.#options.events.needsSnapshot(why, above);
    return 'idle';
  }

  async #send(file: StagedFile): Promise<Progress> {
    if ((await this.#options.lease?.admit(this.#stop.signal)) === 'anew') {
      this.#status = { kind: 'unknown' };
      return 'decided';
    }
    const upload = new UploadAttempt(this.#options.store, file);
    this.#upload = upload;
    if (this.#mode === 'drain') upload.limit(this.#failures);
    this.#inDoubt = true;
    try {
      await upload.run(this.#stop.signal);
    } finally {
      this.#upload = undefined;
    }
    // One that outlasted the lease may have landed where another instance has gone on, and cleared away, since.
    await this.#options.lease?.admit(this.#stop.signal);
    this.#inDoubt = false;
    if (this.#isStopped) return 'idle';
    this.#moveTo(file.maxTxid);
    this.#options.events.uploaded(file);
    return 'answered';
  }

  #moveTo(position: Txid): void {
    this.#options.lease?.noteWriter?.();
    this.#status = { kind: 'following', position };
    this.#sentUpTo = position;
    this.#options.moved?.();
  }

  get #isStopped(): boolean {
    return this.#status.kind === 'stopped';
  }

  /** A replica with a longer interval than the capture's collects files and sends them together. */
  #pause(position: Txid): Milliseconds | undefined {
    const { interval, staging, monotonicClock } = this.#options;
    if (this.#mode === 'drain' || interval === 0 || position < this.#batchEnd) return undefined;
    const now = monotonicClock();
    const wait = this.#lastBatch === undefined ? 0 : this.#lastBatch + interval - now;
    if (wait > 0) return milliseconds(wait);
    this.#lastBatch = now;
    this.#batchEnd = staging.position.txid;
    return undefined;
  }

  get #failures(): number {
    return this.#health.kind === 'failing' ? this.#health.failures : 0;
  }

  #answered(): void {
    if (this.#health.kind === 'failing') this.#options.events.recovered(this.#health.failures);
    this.#health = { kind: 'answering' };
  }

  async #afterFailure(error: StationError): Promise<void> {
    if (isStationError(error, 'FENCED')) return this.fence(error);
    if (isStationError(error, 'LEASE_LOST')) return this.stopFor(error);
    const failures = this.#failures + 1;
    const since = this.#health.kind === 'failing' ? this.#health.since : this.#options.monotonicClock();
    this.#health = { kind: 'failing', since, failures, error };
    const limits = this.#mode === 'drain' ? drainBackoff : steadyBackoff;
    const delay = backoffDelay(failures, limits, this.#options.random());
    this.#options.events.failed(error, delay);
    await this.#pauseAfterFailure(delay);
  }

  /** New files must not cut the pause short (that would be a retry per commit), but the drain, the end and a person do. */
  async #pauseAfterFailure(delay: Milliseconds): Promise<void> {
    const mode = this.#mode;
    const asked = this.#asked;
    const end = this.#options.monotonicClock() + delay;
    for (let left = delay; left > 0; left = milliseconds(end - this.#options.monotonicClock())) {
      await this.#wake.sleep(left);
      if (this.#stop.signal.aborted || this.#mode !== mode || this.#asked !== asked) break;
    }
    this.#wake.wake();
  }
}
