import { beforeEach, describe, expect, it } from 'vitest';
import { type AcquireOptions, acquireLeases } from '../../src/lease/acquire-leases.ts';
import { milliseconds } from '../../src/quantities.ts';
import { DURATION, leaseOf, never, SharedObject, StillClock, type TestedLease } from './shared-object.ts';

let first: SharedObject;
let second: SharedObject;
let clock: StillClock;
beforeEach(() => {
  first = new SharedObject();
  second = new SharedObject();
  clock = new StillClock();
});

/** An instance with its lease at both replicas. */
const at = (name: string, service?: string) => {
  const more = service === undefined ? {} : { service };
  return [leaseOf(name, first, clock, more), leaseOf(name, second, clock, { ...more, decides: false })] as const;
};

/** @param waits is called before each poll, while time passes */
async function acquire(
  [one, two]: readonly [TestedLease, TestedLease],
  change: Partial<AcquireOptions> = {},
  waits: () => void | Promise<void> = () => {},
) {
  const outcomes = await acquireLeases({
    leases: [one.lease, two.lease],
    database: '/data/station.db',
    me: one.me,
    policy: undefined,
    timeout: milliseconds(60_000),
    patience: milliseconds(50),
    clock: clock.now,
    random: () => 0.5,
    sleep: async (duration) => {
      await waits();
      clock.pass(duration);
    },
    waiting: () => {},
    signal: never,
    ...change,
  });
  return outcomes.map((outcome) => (outcome.kind === 'held' ? `held, ${outcome.why}` : outcome.kind));
}

describe('the leases of two replicas', () => {
  it('are both taken where both are free, with one read and one write each', async () => {
    expect(await acquire(at('a'))).toEqual(['held, absent', 'held, absent']);
    expect([first.reads, first.writes, second.reads, second.writes]).toEqual([1, 1, 1, 1]);
  });

  it('are waited for until the holder gives them back; none is taken before the first', async () => {
    const a = at('a');
    await acquire(a);
    let polls = 0;
    const outcomes = await acquire(at('b'), {}, async () => {
      polls += 1;
      expect(second.record?.owner).toBe('a');
      if (polls === 5) for (const { lease } of a) await lease.release('released', never);
    });
    expect(outcomes).toEqual(['held, released', 'held, released']);
    expect(polls).toBe(5);
  });

  it('are taken once they have expired', async () => {
    await acquire(at('a'));
    const began = clock.wall;
    expect(await acquire(at('b'))).toEqual(['held, expired', 'held, expired']);
    expect(clock.wall - began).toBeGreaterThanOrEqual(DURATION);
    expect(clock.wall - began).toBeLessThan(DURATION + 10_000);
  });

  it('stay another’s past the timeout: the error names it, its age, and how to break the lease', async () => {
    await acquire(at('a', 'web'));
    clock.pass(5_000);
    const error = await acquire(at('b'), { timeout: milliseconds(10_000) }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'LEASE_HELD',
      exitStatus: 76,
      message: expect.stringMatching(/held by a \(docker web\), for 1[5-9]s, until .*did not let go within 10 s/),
      hint: expect.stringContaining('station-entrypoint lease --break /data/station.db'),
    });
    expect(second.record?.owner).toBe('a');
  });

  it('are not waited for where that is refused', async () => {
    await acquire(at('a'));
    const waits = () => expect.unreachable('it waits');
    await expect(acquire(at('b'), { policy: 'refuse' }, waits)).rejects.toMatchObject({ code: 'LEASE_HELD' });
  });

  it('are asked for, once, where the holder is of the same service', async () => {
    const a = at('a', 'web');
    await acquire(a);
    await acquire(at('b', 'web'), {}, async () => {
      expect(first.record?.station?.request?.owner).toBe('b');
      if (clock.monotonic > 3_000) for (const { lease } of a) await lease.release('released', never);
    });
    expect(first.record).toMatchObject({ owner: 'b', generation: 2 });
    // Taken, asked for, given back at the second try (for the request was in between), taken.
    expect(first.writes).toBe(5);
    expect(second.record?.station?.request).toBeUndefined();
  });
});

describe('which replica decides', () => {
  it('the first is unreachable: the next that answers, and the first is left for later', async () => {
    first.fate = () => 'unreachable';
    expect(await acquire(at('a'))).toEqual(['unreachable', 'held, absent']);
  });

  it('the first is unreachable and the second is another’s: that one is waited for', async () => {
    const [, other] = at('a');
    await other.lease.look(never);
    await other.lease.take(never);
    first.fate = () => 'unreachable';
    const waiting = acquire(at('b'), { timeout: milliseconds(5_000) });
    await expect(waiting).rejects.toMatchObject({ code: 'LEASE_HELD' });
  });

  it('the second is unreachable: the first', async () => {
    second.fate = () => 'denied';
    expect(await acquire(at('a'))).toEqual(['held, absent', 'unreachable']);
  });

  it('none answers: none', async () => {
    first.fate = () => 'unreachable';
    second.fate = () => 'unreachable';
    expect(await acquire(at('a'))).toEqual(['unreachable', 'unreachable']);
  });

  it('the first fails at the moment it is taken: the next', async () => {
    first.fate = (operation) => (operation === 'read' ? 'answered' : 'denied');
    expect(await acquire(at('a'))).toEqual(['unreachable', 'held, absent']);
  });

  it('the second is still that of a dead holder: it is waited for', async () => {
    const [, other] = at('dead');
    await other.lease.look(never);
    await other.lease.take(never);
    expect(await acquire(at('b'))).toEqual(['held, absent', 'held, expired']);
  });

  it('the second is that of a living one: it is left to that one', async () => {
    const [, other] = at('living');
    await other.lease.look(never);
    await other.lease.take(never);
    const renewing = async () => {
      clock.pass(DURATION);
      await other.lease.admit(never);
    };
    expect(await acquire(at('b'), {}, renewing)).toEqual(['held, absent', 'held-by-another']);
    expect(second.record?.owner).toBe('living');
  });

  it('one whose lease cannot be read stops the start', async () => {
    second.put(new TextEncoder().encode('<html>'));
    await expect(acquire(at('a'))).rejects.toMatchObject({ code: 'LEASE_INVALID' });
  });
});
