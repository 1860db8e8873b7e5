import type { Milliseconds } from '../../quantities.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { HeldFile, HeldFiles } from '../levels/held-files.ts';
import type { RetentionPlan } from '../levels/retention-plan.ts';
import { proveRetention } from '../levels/retention-proof.ts';
import { deleteFiles, makeSureTheyAreGone } from './delete-files.ts';

/** Deletes from one replica, and looks whether what was deleted has gone: at first at once, then now and then for all. */
export class RetentionSweep {
  readonly #store: ObjectStore;
  /** Least time between two looks: each is a listing. */
  readonly #interval: Milliseconds;
  #deleted: HeldFile[] = [];
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
    const gone = (batch: readonly HeldFile[]) => {
      held.remove(batch);
      this.#deleted.push(...batch);
    };
    await deleteFiles(
      this.#store,
      plan.going.map(({ file }) => file),
      gone,
      signal,
    );
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
