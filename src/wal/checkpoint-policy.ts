import type { CheckpointLimits } from './follower.ts';

/** What the loop does at a tick. `read` takes new frames without moving the read mark; `leap` moves it. */
export type TickAction = 'none' | 'read' | 'leap' | 'checkpoint' | 'force' | 'sleep';

export interface TickState {
  /** Milliseconds on any steady clock. */
  readonly now: number;
  /** Frames appeared since the last tick. */
  readonly grew: boolean;
  /** Another process copied frames into the database file since the last tick. */
  readonly othersBackfilled: boolean;
  readonly frames: number;
  readonly backfilled: number;
  /** When frames last appeared. */
  readonly lastGrowth: number;
  /** When a tick last found no new frames. */
  readonly lastQuiet: number;
  /** Since when the WAL has been longer than the forced limit; undefined if it is not. */
  readonly overLimitSince: number | undefined;
  /** When another process was last seen to have copied frames, and when the read mark was last moved. */
  readonly othersBackfilledAt: number;
  readonly lastLeap: number;
  /** When a checkpoint of ours, or a forced step, was last tried. */
  readonly lastCheckpoint: number;
  readonly lastForced: number;
}

/** A tick while the database is written to. */
export const TICK = 5;
/** A quiet time after which even a few frames are checkpointed: the next writer then starts the WAL over. */
const SETTLE_AFTER = 250;
/** A quiet time after which polling stops and the folder is watched instead. */
const SLEEP_AFTER = 1_000;
/** A writer that left no quiet tick for this long never pauses. */
const NEVER_QUIET = 1_000;
/** Nor does one whose pauses have all been too short for a checkpoint, for this long. */
const NEVER_LONG_ENOUGH = 3_000;
/** A checkpoint that could not finish (someone reads, someone else checkpoints) is not tried again at once. */
const RETRY_AFTER = 500;
const FORCE_AT_MOST_EVERY = 2_000;
/** For so long the mark is moved again and again after somebody else's checkpoint. */
const MAKE_WAY_FOR = 1_000;

/**
 * Bounds the WAL without slowing writers: checkpoints belong into pauses, so that the application never has to make
 * one itself; only a writer that never pauses is stopped for a moment.
 */
export function decideTick(state: TickState, limits: CheckpointLimits): TickAction {
  const behind = state.frames - state.backfilled;
  if (state.grew) {
    const over = state.overLimitSince !== undefined && limits.forcedFrames > 0;
    const neverQuiet = state.now - state.lastQuiet >= NEVER_QUIET;
    const neverLongEnough = state.now - (state.overLimitSince ?? state.now) >= NEVER_LONG_ENOUGH;
    const allowed = state.now - state.lastForced >= FORCE_AT_MOST_EVERY;
    if (over && allowed && (neverQuiet || neverLongEnough)) return 'force';
    // From 1,000 frames on the application tries a checkpoint of its own at every commit. Each move of our mark in a
    // burst would let it copy a few more frames and wait for the disk; while the mark stands, it finds nothing to do.
    return state.frames >= limits.quietFrames ? 'read' : 'leap';
  }
  // Where nothing is behind, the leap alone lets the next writer start the WAL over. A checkpoint of ours, however
  // short, could meet the application's next one, which SQLite then answers with SQLITE_BUSY at once.
  if (state.othersBackfilled) return behind > 0 ? 'checkpoint' : 'leap';
  if (behind === 0 && isToMakeWayAgain(state)) return 'leap';
  const mayRetry = state.lastCheckpoint < state.lastGrowth || state.now - state.lastCheckpoint >= RETRY_AFTER;
  const quiet = state.now - state.lastGrowth;
  // The WAL's length counts, not only what is behind: a checkpoint of many frames outlasts the pause it was begun in,
  // and only the next one, of few, ends within a pause and lets the writer start the WAL over.
  const due = state.frames >= limits.quietFrames || quiet >= SETTLE_AFTER;
  if (behind > 0 && due && mayRetry) return 'checkpoint';
  return quiet >= SLEEP_AFTER ? 'sleep' : 'none';
}

/**
 * Whether to move the mark once more, at growing distances. A checkpoint that restarts the WAL waits for every reader of
 * it. It tells that all is copied a moment before it lets readers go by the database file alone: a mark that was moved in
 * that moment is one in the WAL again, nothing changes any more, and the application waits for its whole busy timeout.
 */
function isToMakeWayAgain({ now, othersBackfilledAt, lastLeap }: TickState): boolean {
  const since = now - othersBackfilledAt;
  return since <= MAKE_WAY_FOR && 2 * (lastLeap - othersBackfilledAt) <= since;
}

/** 80 MiB of 4 KiB pages; fewer frames where pages are larger, but never so few that a burst would be stopped. */
export function defaultLimits(pageSize: number): CheckpointLimits {
  const forcedFrames = Math.min(20_000, Math.max(2_000, Math.floor((80 * 1024 * 1024) / pageSize)));
  return { quietFrames: 500, forcedFrames };
}
