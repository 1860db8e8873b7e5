import { StationError, toStationError } from '../../errors.ts';
import { type Milliseconds, milliseconds, type Txid, txid } from '../../quantities.ts';
import { type Inventory, takeInventory } from '../../restore/inventory.ts';
import { restorablePoints } from '../../restore/plan.ts';
import { backoffDelay, steadyBackoff } from '../../storage/backoff.ts';
import { type HeldFile, type HeldFiles, heldFilesOf, SNAPSHOT_LEVEL } from '../levels/held-files.ts';
import { hasBeginning, mergedUpTo } from '../levels/merge-plan.ts';
import type { NextStep } from '../levels/next-step.ts';
import type { RetentionPlan } from '../levels/retention-plan.ts';
import type { FileToUpload } from '../replica/upload.ts';
import { Wake } from '../wake.ts';
import { BelievedClock } from './believed-clock.ts';
import { Compaction } from './compaction.ts';
import { OldBackups } from './old-backups.ts';
import { RetentionSchedule } from './retention-schedule.ts';
import { RetentionSweep } from './retention-sweep.ts';
import { ScheduledSnapshots } from './scheduled-snapshots.ts';
import { settleTimes } from './settle-times.ts';
import type { UpkeepOptions } from './upkeep-options.ts';

/** A timer is set no further ahead: clocks are set anew, and timers have a limit. */
const LONGEST_SLEEP = 24 * 3_600_000;
/** What the start has listed is gone by for so many milliseconds: without a lease, others may write to the replica. */
const LISTING_LASTS = 60_000;

/**
 * Keeps one replica in shape while it is appended to: merges its files level by level, puts a whole copy now and then,
 * and lets go of what is no longer promised. It lists the replica once, where the start has not, and knows from then on
 * what it holds.
 * Where there is nothing to do, nothing wakes it.
 */
export class ReplicaUpkeep {
  readonly #options: UpkeepOptions;
  readonly #wake = new Wake();
  readonly #stop = new AbortController();
  readonly #compaction: Compaction;
  readonly #snapshots: ScheduledSnapshots;
  readonly #schedule: RetentionSchedule;
  readonly #sweep: RetentionSweep;
  readonly #oldBackups: OldBackups;
  readonly #believed: BelievedClock;
  #held: HeldFiles | undefined;
  #isInQuestion = false;
  /** Files put since the listing. */
  #early: HeldFile[] = [];
  /** The start's, until it was used. */
  #listing: { readonly inventory: Inventory; readonly until: number } | undefined;
  #failures = 0;
  #done: Promise<void> | undefined;

  constructor(options: UpkeepOptions) {
    const { store, settings, takeListing, monotonicClock } = options;
    this.#options = options;
    const listing = takeListing();
    this.#listing = listing && { inventory: listing, until: monotonicClock() + LISTING_LASTS };
    this.#compaction = new Compaction(options);
    this.#snapshots = new ScheduledSnapshots(options, (file) => this.#afterSnapshot(file), this.#stop.signal);
    this.#schedule = new RetentionSchedule(settings);
    this.#sweep = new RetentionSweep(store, settings.retention.checkInterval);
    this.#oldBackups = new OldBackups(store, settings.retention);
    this.#believed = new BelievedClock(options.wallClock, monotonicClock);
  }

  start(): void {
    this.#done ??= this.#run();
  }

  /** Level-0 files above this TXID are still to be merged, so they do well to stay staged; undefined: none. */
  get mergedUpTo(): Txid | undefined {
    if (this.#held === undefined || this.#options.settings.mergeIntervals.length === 0) return undefined;
    // The last tidying leaves only what a replica lacks.
    if (this.#stop.signal.aborted) return undefined;
    // Below the first snapshot nothing is merged, least of all the first file, which is as large as the database.
    return hasBeginning(this.#held) ? mergedUpTo(this.#held) : this.#options.snapshots.end;
  }

  /** The replica has got another file. */
  uploaded(file: FileToUpload): void {
    this.#note(file);
    this.wake();
  }

  /** The replica may not hold any more what it was known to hold. */
  lookAgain(): void {
    this.#isInQuestion = true;
    this.wake();
  }

  /** Something has changed outside. */
  wake(): void {
    this.#snapshots.wake();
    this.#wake.wake();
  }

  /** Breaks off what is under way, and ends. What was not finished can be done again. */
  async stop(): Promise<void> {
    this.#stop.abort(new StationError('STORAGE_UNREACHABLE', 'the upkeep of the replica was broken off'));
    this.wake();
    await this.#done;
    await this.#snapshots.settled();
    this.#options.merged.note(this.#options.replica, undefined);
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const next = await this.#step();
        this.#failures = 0;
        if (next !== 'again') await this.#wake.sleep(next === 'idle' ? undefined : next);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        await this.#afterFailure(toStationError(error));
      }
    }
  }

  /** Does one thing that is due, or tells for how long nothing is. */
  async #step(): Promise<'again' | 'idle' | Milliseconds> {
    const isOutOfReach = this.#options.position() === undefined;
    // Others may write to it meanwhile: what it holds is to be looked at again.
    if (isOutOfReach || this.#isInQuestion) this.#forget();
    if (isOutOfReach) return 'idle';
    const held = this.#held ?? (await this.#lookAtReplica());
    const now = this.#options.wallClock();
    const merge = this.#compaction.next(held, now);
    if (merge.kind === 'due') return await this.#merge(merge.step, held);
    const snapshot = this.#snapshots.next(held, now);
    if (snapshot.kind === 'due') {
      this.#snapshots.begin(snapshot.step);
      return 'again';
    }
    const believed = this.#believed.now();
    const retention = this.#schedule.next(held, this.#options.level0KeptFrom(), believed);
    if (retention.kind === 'due') return await this.#retain(retention.step, held);
    const old = this.#oldBackups.next(held, believed);
    if (old.kind === 'due') return await this.#retainOldBackups(old.step, held, believed);
    const look = (this.#sweep.lookAt(now) ?? Number.POSITIVE_INFINITY) - now;
    if (look <= 0) return await this.#lookAfterDeletions(now);
    const waits = [waitFor(merge, now), waitFor(snapshot, now), waitFor(retention, believed), waitFor(old, believed)];
    const wait = Math.min(...waits, look);
    return wait === Number.POSITIVE_INFINITY ? 'idle' : milliseconds(Math.min(wait, LONGEST_SLEEP));
  }

  #forget(): void {
    if (this.#isInQuestion) this.#listing = undefined;
    this.#isInQuestion = false;
    this.#held = undefined;
    this.#sweep.forget();
    this.#oldBackups.forget();
    this.#options.merged.note(this.#options.replica, undefined);
  }

  async #lookAtReplica(): Promise<HeldFiles> {
    const { store, settings } = this.#options;
    const inventory = this.#takeListing() ?? (await this.#list());
    const held = heldFilesOf(inventory);
    if (settings.retention.enabled) await settleTimes(store, held, settings.mergeIntervals, this.#stop.signal);
    for (const file of this.#early.splice(0)) held.add(file);
    this.#held = held;
    this.#noteEnds(held);
    // Somebody has deleted what leads to it: from a new snapshot on, all is well again.
    if ((restorablePoints(inventory).at(-1) ?? 0) < inventory.newestListed)
      this.#snapshots.hurry(inventory.newestListed);
    return held;
  }

  #takeListing(): Inventory | undefined {
    const listing = this.#listing;
    this.#listing = undefined;
    return listing !== undefined && this.#options.monotonicClock() < listing.until ? listing.inventory : undefined;
  }

  async #list(): Promise<Inventory> {
    this.#early = [];
    return await takeInventory(this.#options.store, this.#stop.signal);
  }

  async #merge(step: Parameters<Compaction['carryOut']>[0], held: HeldFiles): Promise<'again'> {
    const outcome = await this.#compaction.carryOut(step, held, this.#stop.signal);
    if (outcome.kind === 'damaged') this.#snapshots.hurry(outcome.end);
    if (outcome.kind !== 'put') return 'again';
    this.#note(outcome.file);
    this.#noteEnds(held);
    await this.#options.merged.tidy(this.#options.room());
    return 'again';
  }

  async #retain(plan: RetentionPlan, held: HeldFiles): Promise<'again'> {
    await this.#admit();
    this.#options.events.retention(plan);
    await this.#sweep.carryOut(plan, held, () => this.#admit(), this.#stop.signal);
    this.#schedule.swept();
    this.#options.events.retained(plan);
    return 'again';
  }

  async #retainOldBackups(step: 'list' | 'delete', held: HeldFiles, now: Milliseconds): Promise<'again'> {
    const { events } = this.#options;
    const { signal } = this.#stop;
    if (step === 'list') {
      await this.#oldBackups.list(signal);
      return 'again';
    }
    const { plan, damaged } = await this.#oldBackups.plan(held, now, signal);
    for (const error of damaged) {
      events.damaged(error);
      this.#snapshots.hurry(txid(held.end(SNAPSHOT_LEVEL) + 1));
    }
    if (plan.keys.length === 0) return 'again';
    events.legacyRetention(plan);
    await this.#sweep.deleteLegacy(plan, () => this.#admit(), signal);
    this.#oldBackups.deleted(plan);
    events.legacyRetained(plan);
    return 'again';
  }

  async #lookAfterDeletions(now: Milliseconds): Promise<'again'> {
    const left = await this.#sweep.look(now, () => this.#admit(), this.#stop.signal);
    if (left.length > 0) this.#options.events.undeleted(left);
    return 'again';
  }

  async #admit(): Promise<void> {
    await this.#options.permit?.admit(this.#stop.signal);
  }

  #afterSnapshot(file: FileToUpload | undefined): void {
    if (file !== undefined) this.#note(file);
    this.#wake.wake();
  }

  #note({ level, minTxid, maxTxid, size, timestamp, fileChecksum }: FileToUpload): void {
    const now = this.#options.wallClock();
    const times = { time: timestamp, timeFrom: 'header', storedAt: now } as const;
    const file: HeldFile = { level, minTxid, maxTxid, size, ...times, fileChecksum };
    this.#sweep.put(file);
    if (this.#held === undefined) this.#early.push(file);
    else this.#held.add(file);
    if (level > 0) this.#schedule.changed(this.#believed.now());
  }

  #noteEnds(held: HeldFiles): void {
    const { merged, settings, replica } = this.#options;
    merged.note(
      replica,
      [0, ...settings.mergeIntervals].map((_, level) => held.end(level)),
    );
  }

  async #afterFailure(error: StationError): Promise<void> {
    const { events, random, monotonicClock } = this.#options;
    if (error.code === 'FENCED') {
      this.#stop.abort(error);
      events.fenced(error);
      return;
    }
    // It is not there any more: somebody else deletes from the replica.
    if (error.code === 'STORAGE_NOT_FOUND') {
      this.#held = undefined;
      this.#oldBackups.forget();
    }
    this.#failures += 1;
    const delay = backoffDelay(this.#failures, steadyBackoff, random());
    events.failed(error, delay);
    const end = monotonicClock() + delay;
    for (let left = delay; left > 0 && !this.#stop.signal.aborted; left = milliseconds(end - monotonicClock())) {
      await this.#wake.sleep(left);
    }
  }
}

function waitFor(step: NextStep<unknown>, now: Milliseconds): number {
  return step.kind === 'later' ? step.at - now : Number.POSITIVE_INFINITY;
}
