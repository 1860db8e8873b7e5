import { type Milliseconds, milliseconds, type Txid } from '../../quantities.ts';
import type { HeldFiles } from '../levels/held-files.ts';
import { grainOf } from '../levels/merge-plan.ts';
import { boundaryAfter, type NextStep } from '../levels/next-step.ts';
import { GRACE, planRetention, type RetentionPlan } from '../levels/retention-plan.ts';
import type { UpkeepSettings } from './upkeep-settings.ts';

/** So many merged level-0 files go together, or those of so many checks: a request each time would be a request too often. */
const BATCH_FILES = 100;
const BATCH_CHECKS = 8;

/** When retention is to look at one replica again. Idle, it has nothing to look for. */
export class RetentionSchedule {
  readonly #settings: UpkeepSettings;
  #lookAt = 0;
  /** Since when something might go. */
  #since: number | undefined;
  /** What was left by an earlier run has waited long enough. */
  #isFirst = true;

  constructor(settings: UpkeepSettings) {
    this.#settings = settings;
  }

  /** Something was merged, so that files below it may go once they are old enough. */
  changed(now: Milliseconds): void {
    const { level0Duration, level0CheckInterval } = this.#settings;
    this.#lookAt = Math.min(this.#lookAt, boundaryAfter(milliseconds(now + level0Duration), level0CheckInterval));
  }

  /** After files were deleted. */
  swept(): void {
    this.#since = undefined;
    this.#isFirst = false;
    this.#lookAt = 0;
  }

  next(held: HeldFiles, level0KeptFrom: Txid | undefined, now: Milliseconds): NextStep<RetentionPlan> {
    const { retention, level0Duration, level0CheckInterval, mergeIntervals } = this.#settings;
    if (!retention.enabled) return { kind: 'none' };
    if (this.#lookAt > now) return this.#later();
    const grain = grainOf(mergeIntervals);
    const { duration, grace = GRACE } = retention;
    const plan = planRetention(held, { duration, grace, level0Duration, grain, level0KeptFrom }, now);
    if (plan.going.length === 0) {
      this.#since = undefined;
      this.#isFirst = false;
      this.#lookAt = plan.next === undefined ? Number.POSITIVE_INFINITY : boundaryAfter(plan.next, level0CheckInterval);
      return this.#later();
    }
    // A time still to come is that of a clock which was set back since: not to be waited for.
    this.#since = Math.min(this.#since ?? now, now);
    const due = this.#isFirst ? now : this.#dueTime(plan, this.#since, now);
    if (due <= now) return { kind: 'due', step: plan };
    this.#lookAt = due;
    return this.#later();
  }

  #later(): NextStep<RetentionPlan> {
    return Number.isFinite(this.#lookAt) ? { kind: 'later', at: milliseconds(this.#lookAt) } : { kind: 'none' };
  }

  #dueTime(plan: RetentionPlan, since: number, now: number): number {
    const merged = plan.going.filter(({ why }) => why === 'merged').length;
    if (merged >= BATCH_FILES) return now;
    const { level0CheckInterval, retention } = this.#settings;
    const checks = milliseconds(since + (BATCH_CHECKS - 1) * level0CheckInterval);
    const forMerged = merged > 0 ? boundaryAfter(checks, level0CheckInterval) : Number.POSITIVE_INFINITY;
    const hasPast = plan.going.length > merged;
    const forPast = hasPast ? boundaryAfter(milliseconds(since), retention.checkInterval) : Number.POSITIVE_INFINITY;
    return Math.min(forMerged, forPast);
  }
}
