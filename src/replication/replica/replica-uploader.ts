import { isStationError, StationError, toStationError } from '../../errors.ts';
import { type Milliseconds, milliseconds, type Txid, txid } from '../../quantities.ts';
import { backoffDelay, drainBackoff, steadyBackoff } from '../../storage/backoff.ts';
import type { MissingCommits } from '../../supervisor/replication-port.ts';
import { Changes } from '../changes.ts';
import type { StagedFile } from '../staging/staged-files.ts';
import type { StagingReader } from '../staging/staging-cap.ts';
import { Wake } from '../wake.ts';
import {
  failing,
  failuresOf,
  missingAbove,
  type ReplicaHealth,
  type ReplicaStatus,
  readerOf,
  snapshotAbove,
} from './replica-status.ts';
import { UploadAttempt } from './upload-attempt.ts';
import { UploadBatches } from './upload-batches.ts';
import { nextUploadStep } from './upload-step.ts';
import type { UploaderOptions } from './uploader-options.ts';

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
  readonly #batches: UploadBatches;
  /** Of its position, or that it was stopped. */
  readonly #changes = new Changes();
  #status: ReplicaStatus;
  #health: ReplicaHealth = { kind: 'answering' };
  #mode: 'steady' | 'drain' = 'steady';
  /** How often somebody has asked for all of it at once. */
  #asked = 0;
  #upload: UploadAttempt | undefined;
  /** The last TXID it was sent, or was found to hold, of ours. */
  #sentUpTo: Txid | undefined;
  /** An upload failed, and may have been taken all the same. */
  #inDoubt = false;
  #isFenced = false;
  /** Whether it still holds what it was known to hold. */
  #isInQuestion = false;
  #done: Promise<void> | undefined;

  constructor(options: UploaderOptions) {
    this.#options = options;
    this.#batches = new UploadBatches(options.interval);
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
    return missingAbove(this.position ?? txid(0), this.#options.staging);
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
    this.#upload?.limit(failuresOf(this.#health));
    this.#wake.wake();
  }

  /** It may not hold any more what it was known to hold: it is asked before anything else is sent. */
  lookAgain(): void {
    this.#isInQuestion = true;
    this.#wake.wake();
  }

  /** Resolves when it holds everything that is staged, or never will. To be called when nothing more gets staged. */
  async settled(): Promise<void> {
    while (!this.complete && !this.#isHopeless && !this.#stop.signal.aborted) {
      await this.#changes.next();
    }
  }

  /**
   * Brings it to a TXID without a pause, and at once also where the last request failed. Resolves when it is there, when
   * nothing more is sent to it, or when the signal aborts. Tells whether it is there.
   */
  async reach(target: Txid, signal: AbortSignal): Promise<boolean> {
    this.#batches.extendTo(target);
    this.#asked += 1;
    this.#wake.wake();
    const isThere = () => (this.position ?? 0) >= target;
    while (!isThere() && !this.#isStopped && !this.#stop.signal.aborted && !signal.aborted) {
      await this.#changes.next(signal);
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
    this.#changes.tell();
  }

  /** Breaks off what is under way and ends. */
  async stop(): Promise<void> {
    this.#stop.abort(new StationError('STORAGE_UNREACHABLE', 'the time for the last sync is used up'));
    this.#wake.wake();
    this.#changes.tell();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted && this.#status.kind !== 'stopped') {
      try {
        const next = await this.#step();
        if (next === 'answered') this.#answered();
        this.#changes.tell();
        if (next === 'idle') await this.#wake.sleep(undefined);
        else if (typeof next === 'number') await this.#wake.sleep(next);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        await this.#afterFailure(toStationError(error));
        this.#changes.tell();
      }
    }
  }

  /** One request's worth of progress. */
  async #step(): Promise<Progress> {
    const { staging, store, events } = this.#options;
    if (this.#isInQuestion) this.#status = { kind: 'unknown' };
    this.#isInQuestion = false;
    const pause = this.#pause();
    if (pause !== undefined) return pause;
    const step = nextUploadStep(this.#status, this.#health, staging);
    switch (step.kind) {
      case 'ask':
        return await this.#ask();
      case 'send':
        return await this.#send(step.file);
      case 'follow':
        this.#moveTo(step.position);
        return 'decided';
      case 'turn':
        this.#status = step.to;
        return 'decided';
      case 'want-snapshot':
        events.needsSnapshot(step.why, step.above);
        return 'idle';
      case 'stop': {
        const message = `${store.url}: ${step.why}`;
        if (step.how === 'fence') this.fence(new StationError('FENCED', message));
        else this.stopFor(new StationError('REPLICA_AHEAD', message));
        return 'decided';
      }
      case 'idle':
        return 'idle';
    }
  }

  /** A replica with a longer interval than the capture's collects files, except in the drain. */
  #pause(): Milliseconds | undefined {
    const { staging, monotonicClock } = this.#options;
    const staged = staging.position.txid;
    if (this.#mode === 'drain' || this.position === undefined || this.position >= staged) return undefined;
    return this.#batches.pauseAfter(this.position, staged, monotonicClock());
  }

  async #ask(): Promise<Progress> {
    const { lease, ask } = this.#options;
    // In this order: what is listed under the lease stays as it is until we write.
    await lease?.admit(this.#stop.signal);
    const remote = await ask(this.#stop.signal);
    if (this.#isStopped) return 'idle';
    this.#status = { kind: 'known', remote };
    return 'answered';
  }

  async #send(file: StagedFile): Promise<Progress> {
    if ((await this.#options.lease?.admit(this.#stop.signal)) === 'anew') {
      this.#status = { kind: 'unknown' };
      return 'decided';
    }
    const upload = new UploadAttempt(this.#options.store, file);
    this.#upload = upload;
    if (this.#mode === 'drain') upload.limit(failuresOf(this.#health));
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

  #answered(): void {
    if (this.#health.kind === 'failing') this.#options.events.recovered(this.#health.failures);
    this.#health = { kind: 'answering' };
  }

  async #afterFailure(error: StationError): Promise<void> {
    if (isStationError(error, 'FENCED')) return this.fence(error);
    if (isStationError(error, 'LEASE_LOST')) return this.stopFor(error);
    const health = failing(this.#health, error, this.#options.monotonicClock());
    this.#health = health;
    const limits = this.#mode === 'drain' ? drainBackoff : steadyBackoff;
    const delay = backoffDelay(health.failures, limits, this.#options.random());
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
