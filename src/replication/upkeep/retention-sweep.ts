import type { Milliseconds } from '../../quantities.ts';
import type { LegacyRetentionPlan } from '../../restore/legacy/legacy-retention.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { HeldFile, HeldFiles } from '../levels/held-files.ts';
import { longerWait } from '../levels/look-wait.ts';
import type { RetentionPlan } from '../levels/retention-plan.ts';
import { proveRetention } from '../levels/retention-proof.ts';
import { deleteObjects, keyOf, makeSureTheyAreGone } from './delete-files.ts';

/** So many deleted objects are remembered, the newest: a store that keeps some of them keeps others too. */
const MOST_KEYS = 5_000;

/**
 * Deletes from one replica, and looks whether what was deleted has gone: at first at once, then now and then for all, ever
 * more rarely while nothing is found left.
 */
export class RetentionSweep {
  readonly #store: ObjectStore;
  /** Least time between two looks. */
  readonly #interval: Milliseconds;
  readonly #most: number;
  /** Their keys, as they went. */
  #deleted = new Set<string>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #wait: Milliseconds;

  constructor(store: ObjectStore, interval: Milliseconds, most = MOST_KEYS) {
    this.#store = store;
    this.#interval = interval;
    this.#most = most;
    this.#wait = interval;
  }

  /** When deletions are to be looked after; undefined: there were none since the last look. */
  lookAt(now: Milliseconds): number | undefined {
    // That of a clock which was set back since is not to be waited for.
    this.#lookedAt = Math.min(this.#lookedAt, now);
    return this.#deleted.size === 0 ? undefined : this.#lookedAt + this.#wait;
  }

  /** Others may write to the replica: what is there under these names may be theirs. */
  forget(): void {
    this.#deleted.clear();
  }

  /** The replica has got this: it is no leftover. */
  put(file: HeldFile): void {
    this.#deleted.delete(keyOf(this.#store, file));
  }

  /**
   * Carries out a plan; `held` follows it.
   * @param admit is asked before each batch
   * @throws StationError INTERNAL before anything is deleted, where the plan would go too far; what the store and `admit`
   *   throw
   */
  async carryOut(
    plan: RetentionPlan,
    held: HeldFiles,
    admit: () => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    proveRetention(plan);
    const nameOf = (file: HeldFile) => keyOf(this.#store, file);
    const gone = (batch: readonly HeldFile[]) => {
      held.remove(batch);
      this.#remember(batch.map(nameOf));
    };
    const files = plan.going.map(({ file }) => file);
    await deleteObjects(this.#store, files, nameOf, gone, admit, signal);
  }

  /**
   * Carries out a plan for backups of Litestream 0.3.
   * @param admit is asked before each batch
   * @throws what the store and `admit` throw
   */
  async deleteLegacy(plan: LegacyRetentionPlan, admit: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
    const gone = (batch: readonly string[]) => this.#remember(batch);
    await deleteObjects(this.#store, plan.keys, (key) => key, gone, admit, signal);
  }

  /**
   * @param admit is asked before anything is deleted once more
   * @returns the keys of deleted files that are there although they were deleted twice
   * @throws what the store and `admit` throw
   */
  async look(now: Milliseconds, admit: () => Promise<unknown>, signal: AbortSignal): Promise<readonly string[]> {
    const { found, left } = await makeSureTheyAreGone(this.#store, [...this.#deleted], admit, signal);
    this.#deleted.clear();
    this.#lookedAt = now;
    this.#wait = found > 0 ? this.#interval : longerWait(this.#wait, this.#interval);
    return left;
  }

  #remember(keys: readonly string[]): void {
    for (const key of keys) this.#deleted.add(key);
    for (const key of this.#deleted) {
      if (this.#deleted.size <= this.#most) return;
      this.#deleted.delete(key);
    }
  }
}
