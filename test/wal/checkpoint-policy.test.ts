import { describe, expect, it } from 'vitest';
import { decideTick, defaultLimits, type TickState } from '../../src/wal/checkpoint-policy.ts';

const limits = { quietFrames: 500, forcedFrames: 20_000 };
const now = 100_000;
const longAgo = Number.NEGATIVE_INFINITY;

/** A database at rest, everything backfilled; `change` says what is different. */
function tick(change: Partial<TickState>, some: Partial<typeof limits> = {}) {
  const rest: TickState = {
    now,
    grew: false,
    othersBackfilled: false,
    frames: 100,
    backfilled: 100,
    lastGrowth: now - 50,
    lastQuiet: now,
    overLimitSince: undefined,
    othersBackfilledAt: longAgo,
    lastLeap: longAgo,
    lastCheckpoint: longAgo,
    lastForced: longAgo,
  };
  return decideTick({ ...rest, ...change }, { ...limits, ...some });
}

describe('the checkpoint policy', () => {
  it('leaps whenever frames appeared', () => {
    expect(tick({ grew: true, frames: 120 })).toBe('leap');
  });

  it('keeps its mark where it is while a long WAL grows', () => {
    expect(tick({ grew: true, frames: 700 })).toBe('read');
  });

  it('leaves a few frames alone for a while', () => {
    expect(tick({ backfilled: 0 })).toBe('none');
  });

  it('checkpoints a few frames when it has been quiet', () => {
    expect(tick({ backfilled: 0, lastGrowth: now - 300 })).toBe('checkpoint');
  });

  it('checkpoints a long WAL in the first pause, however little is left to copy', () => {
    expect(tick({ frames: 600, backfilled: 590, lastGrowth: now - 5 })).toBe('checkpoint');
  });

  it('makes way at once when somebody else checkpoints', () => {
    expect(tick({ othersBackfilled: true, backfilled: 50, lastCheckpoint: now })).toBe('checkpoint');
  });

  it('only moves its mark where somebody else has copied everything', () => {
    expect(tick({ othersBackfilled: true, lastCheckpoint: now })).toBe('leap');
  });

  it('moves its mark again at growing distances, for a checkpoint that told of its end a moment too early', () => {
    const leaps: number[] = [];
    let lastLeap = now;
    for (let since = 5; since <= 3_000; since += 5) {
      const state = { now: now + since, othersBackfilledAt: now, lastLeap, lastGrowth: now - 2_000 };
      if (tick(state) !== 'leap') continue;
      leaps.push(since);
      lastLeap = now + since;
    }
    expect(leaps).toEqual([5, 10, 20, 40, 80, 160, 320, 640]);
  });

  it('does not repeat at every tick a checkpoint that could not finish', () => {
    const held = { backfilled: 50, lastGrowth: now - 700 };
    expect(tick({ ...held, lastCheckpoint: now - 100 })).toBe('none');
    expect(tick({ ...held, lastCheckpoint: now - 600 })).toBe('checkpoint');
  });

  it('stops writers only if they never pause', () => {
    const long = { grew: true, frames: 30_000, overLimitSince: now - 500 };
    expect(tick({ ...long, lastQuiet: now - 100 })).toBe('read');
    expect(tick({ ...long, lastQuiet: now - 1_500 })).toBe('force');
    expect(tick({ ...long, lastQuiet: now - 1_500, lastForced: now - 500 })).toBe('read');
    expect(tick({ ...long, lastQuiet: now - 1_500 }, { forcedFrames: 0 })).toBe('read');
  });

  it('or if their pauses have all been too short', () => {
    const long = { grew: true, frames: 30_000, lastQuiet: now - 100 };
    expect(tick({ ...long, overLimitSince: now - 4_000 })).toBe('force');
  });

  it('sleeps after a second of quiet', () => {
    expect(tick({ lastGrowth: now - 1_100 })).toBe('sleep');
  });

  it('has limits in bytes rather than in frames where pages are large', () => {
    expect(defaultLimits(4096).forcedFrames).toBe(20_000);
    expect(defaultLimits(65536).forcedFrames).toBe(2_000);
  });
});
