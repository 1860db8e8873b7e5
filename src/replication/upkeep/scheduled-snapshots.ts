import { isStationError, StationError, toStationError } from '../../errors.ts';
import { type Milliseconds, milliseconds, type Txid, txid } from '../../quantities.ts';
import { type BackoffLimits, backoffDelay, steadyBackoff } from '../../storage/backoff.ts';
import { wait } from '../../waiting.ts';
import { type Holdings, SNAPSHOT_LEVEL } from '../levels/held-files.ts';
import type { NextStep } from '../levels/next-step.ts';
import { nextSnapshot, type SnapshotStep } from '../levels/snapshot-schedule.ts';
import { type FileToUpload, uploadLtxFile } from '../replica/upload.ts';
import type { UpkeepOptions } from './upkeep-options.ts';

/** Who joins a snapshot that is made for another replica need not be due himself: so much of its interval. */
const JOIN = 1 / 8;

/** Where the disk has no room for a copy: each try reads the database until that is found out. */
const diskBackoff: BackoffLimits = { first: milliseconds(60_000), most: milliseconds(3_600_000) };

/** Puts a whole copy of the database into one replica now and then, beside everything else: that may take long. */
export class ScheduledSnapshots {
  readonly #options: UpkeepOptions;
  readonly #stop: AbortSignal;
  readonly #put: (file: FileToUpload | undefined) => void;
  #underWay: Promise<void> | undefined;
  /** One that ends there or above is wanted at once. */
  #urgent = txid(0);
  #failures = 0;
  #notBefore = Number.NEGATIVE_INFINITY;
  #waiting: (() => void)[] = [];

  /** @param put is told of each one that the replica has got, and of each failure, by `undefined` */
  constructor(options: UpkeepOptions, put: (file: FileToUpload | undefined) => void, stop: AbortSignal) {
    this.#options = options;
    this.#put = put;
    this.#stop = stop;
  }

  /** Whatever the interval says, one that ends at this TXID or above: what follows it could not be restored without. */
  hurry(end: Txid): void {
    this.#urgent = txid(Math.max(this.#urgent, end));
  }

  next(held: Holdings, now: Milliseconds): NextStep<SnapshotStep> {
    if (this.#underWay !== undefined) return { kind: 'none' };
    const { settings, snapshots, monotonicClock } = this.#options;
    const { snapshotInterval, mergeIntervals } = settings;
    const above = held.end(SNAPSHOT_LEVEL);
    const ahead = snapshots.isUnderWay(above) ? snapshotInterval * JOIN : 0;
    const step = nextSnapshot(held, milliseconds(snapshotInterval - ahead), mergeIntervals, now);
    const isUrgent = above < this.#urgent;
    const wanted: typeof step = isUrgent && step.kind !== 'none' ? { kind: 'due', step: { above } } : step;
    const pause = this.#notBefore - monotonicClock();
    return wanted.kind === 'due' && pause > 0 ? { kind: 'later', at: milliseconds(now + pause) } : wanted;
  }

  begin({ above }: SnapshotStep): void {
    this.#underWay = this.#run(above);
  }

  /** The replica has got further. */
  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async settled(): Promise<void> {
    await this.#underWay;
  }

  async #run(above: Txid): Promise<void> {
    const { events, random, monotonicClock, snapshots } = this.#options;
    let file: FileToUpload | undefined;
    try {
      file = await snapshots.use(above, (staged) => this.#send(staged));
      this.#failures = 0;
    } catch (error) {
      if (this.#stop.aborted) return;
      this.#failures += 1;
      const failure = toStationError(error);
      const limits = failure.code === 'STAGING_FAILED' ? diskBackoff : steadyBackoff;
      const delay = backoffDelay(this.#failures, limits, random());
      this.#notBefore = monotonicClock() + delay;
      if (failure.code === 'FENCED') events.fenced(failure);
      else events.failed(failure, delay);
    } finally {
      this.#underWay = undefined;
    }
    this.#put(file);
  }

  /** It is not made anew because the store is down: that would read the whole database at each try. */
  async #send(file: FileToUpload): Promise<FileToUpload> {
    const { events, random } = this.#options;
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#sendOnce(file);
      } catch (error) {
        this.#stop.throwIfAborted();
        if (!isStationError(error, 'STORAGE_UNREACHABLE', 'STORAGE_THROTTLED', 'LEASE_HELD')) throw error;
        // Others may write to the replica meanwhile.
        if (this.#options.position() === undefined) throw error;
        const delay = backoffDelay(failures, steadyBackoff, random());
        events.failed(error, delay);
        await wait(delay, this.#stop);
      }
    }
  }

  /** Not before the replica holds what leads up to it: its last file is what tells a later start that it is ours. */
  async #sendOnce(file: FileToUpload): Promise<FileToUpload> {
    const { store, permit, position, events } = this.#options;
    while ((position() ?? 0) < file.maxTxid) {
      this.#stop.throwIfAborted();
      if (position() === undefined)
        throw new StationError('STORAGE_UNREACHABLE', `${store.url} is not appended to now`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    await permit?.admit(this.#stop);
    await uploadLtxFile(store, file, this.#stop);
    events.snapshot(file);
    return file;
  }
}
