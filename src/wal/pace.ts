import { decideTick, defaultLimits, TICK } from './checkpoint-policy.ts';
import type { NextStep } from './follow-loop.ts';
import type { FollowedDatabase } from './followed-database.ts';
import type { CheckpointLimits, FollowerNotice } from './follower.ts';
import type { WalIndex } from './wal-index.ts';

/** Quiet for this long, looks become half as frequent. */
const SLOWER_AFTER = 100;
const BUSY_NOTICE_AFTER = 5_000;
const BUSY_NOTICE_EVERY = 30_000;

/** Watches one database's WAL grow, and does at each tick what the checkpoint policy says. */
export class Pace {
  readonly #followed: FollowedDatabase;
  readonly #limits: CheckpointLimits;
  readonly #notice: (notice: FollowerNotice) => void;
  #seen: WalIndex | undefined;
  #lastGrowth = 0;
  #lastQuiet: number;
  #othersBackfilledAt = Number.NEGATIVE_INFINITY;
  #lastLeap = Number.NEGATIVE_INFINITY;
  #lastCheckpoint = Number.NEGATIVE_INFINITY;
  #overLimitSince: number | undefined;
  #lastForced = Number.NEGATIVE_INFINITY;
  #busySince: number | undefined;
  #lastBusyNotice = Number.NEGATIVE_INFINITY;

  constructor(
    followed: FollowedDatabase,
    limits: Partial<CheckpointLimits> | undefined,
    notice: (notice: FollowerNotice) => void,
    now: number,
  ) {
    this.#followed = followed;
    this.#limits = { ...defaultLimits(followed.pageSize), ...limits };
    this.#notice = notice;
    this.#lastGrowth = now;
    this.#lastQuiet = now;
  }

  async tick(now: number): Promise<NextStep> {
    const index = await this.#followed.database.readableIndex();
    const seen = this.#seen;
    const grew = seen === undefined || !sameExtent(seen, index);
    if (grew) this.#lastGrowth = now;
    else this.#lastQuiet = now;
    if (index.frames <= this.#limits.forcedFrames) this.#overLimitSince = undefined;
    else this.#overLimitSince ??= now;
    const othersBackfilled = seen !== undefined && seen.backfilled !== index.backfilled;
    if (othersBackfilled) this.#othersBackfilledAt = now;
    const action = decideTick(
      {
        now,
        grew,
        othersBackfilled,
        frames: index.frames,
        backfilled: index.backfilled,
        lastGrowth: this.#lastGrowth,
        lastQuiet: this.#lastQuiet,
        overLimitSince: this.#overLimitSince,
        othersBackfilledAt: this.#othersBackfilledAt,
        lastLeap: this.#lastLeap,
        lastCheckpoint: this.#lastCheckpoint,
        lastForced: this.#lastForced,
      },
      this.#limits,
    );
    this.#seen = index;
    if (action === 'read') await this.#followed.read();
    if (action === 'leap') await this.#leap(now);
    if (action === 'checkpoint') await this.#checkpoint(now);
    if (action === 'force') await this.#force(now);
    if (action === 'sleep') return 'when-something-stirs';
    return now - this.#lastGrowth > SLOWER_AFTER ? 2 * TICK : TICK;
  }

  /** One that is busy counts as made: there is another soon. */
  async #leap(now: number): Promise<void> {
    this.#lastLeap = now;
    this.#noteBusy(await this.#followed.leap(), now);
  }

  async #checkpoint(now: number): Promise<void> {
    this.#lastCheckpoint = now;
    this.#lastLeap = now;
    this.#noteBusy(await this.#followed.checkpoint(), now);
    this.#noteBackfill();
  }

  async #force(now: number): Promise<void> {
    const stopped = await this.#followed.force();
    this.#noteBackfill();
    if (stopped === undefined) return;
    this.#lastForced = now;
    this.#lastCheckpoint = now;
    this.#notice({
      level: 'info',
      message: 'wal checkpoint forced: writers never pause',
      fields: { frames: this.#seen?.frames ?? 0, stopped_ms: Math.round(stopped * 10) / 10 },
    });
  }

  /** Our own backfill must not look like somebody else's at the next tick; frames that came meanwhile must. */
  #noteBackfill(): void {
    if (this.#seen === undefined) return;
    const backfilled = this.#followed.database.indexIfReadable()?.backfilled;
    if (backfilled !== undefined) this.#seen = { ...this.#seen, backfilled };
  }

  #noteBusy(outcome: string, now: number): void {
    // Our own snapshot is no other's lock.
    if (outcome !== 'busy' || this.#followed.isHeld) {
      this.#busySince = undefined;
      return;
    }
    this.#busySince ??= now;
    if (now - this.#busySince < BUSY_NOTICE_AFTER || now - this.#lastBusyNotice < BUSY_NOTICE_EVERY) return;
    this.#lastBusyNotice = now;
    this.#notice({
      level: 'warn',
      message: 'database is locked',
      fields: { for_ms: Math.round(now - this.#busySince) },
    });
  }
}

function sameExtent(one: WalIndex, other: WalIndex): boolean {
  return one.frames === other.frames && one.salt1 === other.salt1 && one.salt2 === other.salt2;
}
