import type { Milliseconds } from '../../quantities.ts';
import type { LegacyRetentionPlan } from '../../restore/legacy/legacy-retention.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { HeldFile, HeldFiles } from '../levels/held-files.ts';
import type { RetentionPlan } from '../levels/retention-plan.ts';
import { proveRetention } from '../levels/retention-proof.ts';
import { deleteObjects, keyOf, makeSureTheyAreGone } from './delete-files.ts';

/** Deletes from one replica, and looks whether what was deleted has gone: at first at once, then now and then for all. */
export class RetentionSweep {
  readonly #store: ObjectStore;
  /** Least time between two looks: each is a listing. */
  readonly #interval: Milliseconds;
  /** Their keys. */
  #deleted: string[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(store: ObjectStore, interval: Milliseconds) {
    this.#store = store;
    this.#interval = interval;
  }

  /** When deletions are to be looked after; undefined: there were none since the last look. */
  get lookAt(): number | undefined {
    return this.#deleted.length === 0 ? undefined : this.#lookedAt + this.#interval;
  }

  /**
   * Carries out a plan; `held` follows it.
   * @throws StationError INTERNAL before anything is deleted, where the plan would go too far; what the store throws
   */
  async carryOut(plan: RetentionPlan, held: HeldFiles, signal: AbortSignal): Promise<void> {
    proveRetention(plan);
    const nameOf = (file: HeldFile) => keyOf(this.#store, file);
    const gone = (batch: readonly HeldFile[]) => {
      held.remove(batch);
      this.#deleted.push(...batch.map(nameOf));
    };
    const files = plan.going.map(({ file }) => file);
    await deleteObjects(this.#store, files, nameOf, gone, signal);
  }

  /**
   * Carries out a plan for backups of Litestream 0.3.
   * @param admit is asked before each batch
   * @throws what the store and `admit` throw
   */
  async deleteLegacy(plan: LegacyRetentionPlan, admit: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
    const gone = (batch: readonly string[]) => void this.#deleted.push(...batch);
    await deleteObjects(this.#store, plan.keys, (key) => key, gone, signal, admit);
  }

  /**
   * @returns the keys of deleted files that are there although they were deleted twice
   * @throws what the store throws
   */
  async look(now: Milliseconds, signal: AbortSignal): Promise<readonly string[]> {
    const left = await makeSureTheyAreGone(this.#store, this.#deleted, signal);
    this.#deleted = [];
    this.#lookedAt = now;
    return left;
  }
}
