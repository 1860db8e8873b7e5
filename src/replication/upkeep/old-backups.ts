import type { ReplicaConfig } from '../../config/config.ts';
import type { StationError } from '../../errors.ts';
import { type Milliseconds, milliseconds } from '../../quantities.ts';
import { type LegacyListing, listWholeGenerations } from '../../restore/legacy/generations.ts';
import type { LegacyRetentionPlan } from '../../restore/legacy/legacy-retention.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { HeldFile, HeldFiles } from '../levels/held-files.ts';
import { boundaryAfter, type NextStep } from '../levels/next-step.ts';
import { planOldBackups, planOldBackupsForSure, supersedingSnapshot } from './plan-old-backups.ts';

/** So many objects are remembered, at a third of a kilobyte each, and judged within a quarter of a second. */
const MOST_OBJECTS = 50_000;

/**
 * The backups that Litestream 0.3 left in one replica, until retention has let go of the last. They are listed once, and
 * nothing is added to them while this instance has the replica. Where there are none, they are never looked for again.
 */
export class OldBackups {
  readonly #store: ObjectStore;
  readonly #retention: ReplicaConfig['retention'];
  readonly #most: number;
  readonly #unreadable = new Map<string, StationError>();
  /** Undefined: to be listed. */
  #listing: LegacyListing | undefined;
  #lookAt = 0;
  /** The snapshot that was planned with. */
  #snapshot: HeldFile | undefined;
  /** Since when something might go. */
  #since: Milliseconds | undefined;
  /** What was left by an earlier run has waited long enough. */
  #isFirst = true;

  constructor(store: ObjectStore, retention: ReplicaConfig['retention'], most: number = MOST_OBJECTS) {
    this.#store = store;
    this.#retention = retention;
    this.#most = most;
  }

  /** Others may have written to the replica. */
  forget(): void {
    if (this.#listing?.generations.length !== 0) this.#listing = undefined;
  }

  next(held: HeldFiles, now: Milliseconds): NextStep<'list' | 'delete'> {
    if (!this.#retention.enabled) return { kind: 'none' };
    if (this.#listing === undefined) return { kind: 'due', step: 'list' };
    if (this.#listing.generations.length === 0) return { kind: 'none' };
    const snapshot = supersedingSnapshot(this.#listing, held, this.#unreadable);
    if (snapshot === this.#snapshot && this.#lookAt > now) return this.#later();
    this.#snapshot = snapshot;
    const { keys, next } = planOldBackups(this.#listing, snapshot, this.#retention, now);
    const { checkInterval } = this.#retention;
    if (keys.length > 0) {
      // A time still to come is that of a clock which was set back since: not to be waited for.
      this.#since = milliseconds(Math.min(this.#since ?? now, now));
      this.#lookAt = this.#isFirst ? now : boundaryAfter(this.#since, checkInterval);
      return this.#lookAt <= now ? { kind: 'due', step: 'delete' } : this.#later();
    }
    this.#isFirst = false;
    this.#since = undefined;
    this.#lookAt = next === undefined ? Number.POSITIVE_INFINITY : boundaryAfter(next, checkInterval);
    return this.#later();
  }

  /** @throws what `store.list` throws */
  async list(signal: AbortSignal): Promise<void> {
    this.#listing = await listWholeGenerations(this.#store, this.#most, signal);
    this.#lookAt = 0;
  }

  /**
   * What is to go now, with the LTX snapshot that stands in for it read anew. It need be nothing.
   * @returns with it, the snapshots that were found damaged
   * @throws what `store.get` throws
   */
  async plan(
    held: HeldFiles,
    now: Milliseconds,
    signal: AbortSignal,
  ): Promise<{ readonly plan: LegacyRetentionPlan; readonly damaged: readonly StationError[] }> {
    const listing = this.#listing ?? { generations: [], newest: milliseconds(0), isCut: false };
    const found = new Map(this.#unreadable);
    const plan = await planOldBackupsForSure(this.#store, listing, held, found, this.#retention, now, signal);
    const damaged = [...found].filter(([id]) => !this.#unreadable.has(id));
    for (const [id, error] of damaged) this.#unreadable.set(id, error);
    this.#lookAt = 0;
    return { plan, damaged: damaged.map(([, error]) => error) };
  }

  /** The plan was carried out. */
  deleted({ keys }: LegacyRetentionPlan): void {
    this.#since = undefined;
    this.#isFirst = false;
    this.#lookAt = 0;
    const listing = this.#listing;
    if (listing === undefined) return;
    const gone = new Set(keys);
    const isLeft = ({ key }: { readonly key: string }) => !gone.has(key);
    const generations = listing.generations
      .map(({ name, snapshots, segments, spares }) => ({
        name,
        snapshots: snapshots.filter(isLeft),
        segments: segments.filter(isLeft),
        spares: spares.filter(isLeft),
      }))
      .filter(({ snapshots, segments, spares }) => snapshots.length + segments.length + spares.length > 0);
    // Of a listing that was cut, the rest comes next.
    this.#listing = listing.isCut ? undefined : { ...listing, generations };
  }

  #later(): NextStep<'list' | 'delete'> {
    return Number.isFinite(this.#lookAt) ? { kind: 'later', at: milliseconds(this.#lookAt) } : { kind: 'none' };
  }
}
