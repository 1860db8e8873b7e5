import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DURATION, leaseOf, never, SharedObject, StillClock, type TestedLease } from './shared-object.ts';

let object: SharedObject;
let clock: StillClock;
let a: TestedLease;
let b: TestedLease;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  object = new SharedObject();
  clock = new StillClock();
  a = leaseOf('a', object, clock);
  b = leaseOf('b', object, clock);
});
afterEach(() => {
  vi.useRealTimers();
});

async function take({ lease }: TestedLease): Promise<boolean> {
  await lease.look(never);
  return await lease.take(never);
}

async function pass(time: number): Promise<void> {
  for (let left = time; left > 0; left -= 1_000) {
    clock.pass(Math.min(1_000, left));
    await vi.advanceTimersByTimeAsync(Math.min(1_000, left));
  }
}

describe('a lease', () => {
  it('is taken with one read and one write, and of two at the same moment one gets it', async () => {
    await Promise.all([a.lease.look(never), b.lease.look(never)]);
    const [first, second] = await Promise.all([a.lease.take(never), b.lease.take(never)]);
    expect([first, second]).toEqual([true, false]);
    expect(object.record).toMatchObject({ generation: 1, owner: 'a' });
    expect(a.told).toEqual(['acquired, absent']);
  });

  it('is renewed with one write and no read, three times in its duration', async () => {
    await take(a);
    const { reads, writes } = object;
    await pass(DURATION);
    expect([object.reads - reads, object.writes - writes]).toEqual([0, 3]);
    expect(object.record?.expiresAt).toBe(clock.wall + DURATION);
    expect(await a.lease.admit(never)).toBe('held');
  });

  it('whose answer was lost is found to have been taken', async () => {
    let lose = true;
    object.fate = (operation) => {
      const isLost = operation === 'write' && lose;
      if (isLost) lose = false;
      return isLost ? 'lost' : 'answered';
    };
    expect(await take(a)).toBe(true);
    expect(a.told).toEqual(['acquired, absent']);
  });

  it('whose renewal took effect unheard, twice, is still ours', async () => {
    await take(a);
    object.fate = (operation) => (operation === 'write' ? 'lost' : 'unreachable');
    await pass(10_000);
    object.fate = () => 'answered';
    await pass(10_000);
    expect(await a.lease.admit(never)).toBe('held');
    expect(a.told).toEqual(['acquired, absent', 'renewal failed: STORAGE_UNREACHABLE']);
  });

  it('is given back, and free at once', async () => {
    await take(a);
    await a.lease.release('released', never);
    expect(object.record).toMatchObject({ generation: 1, station: { state: 'released' }, expiresAt: 0 });
    const { writes } = object;
    await pass(DURATION);
    expect(object.writes).toBe(writes);
    expect(await take(b)).toBe(true);
    expect(object.record?.generation).toBe(2);
  });

  it('that was taken over is not given back by the one who lost it', async () => {
    await take(a);
    clock.pass(DURATION * 2);
    await take(b);
    await a.lease.release('released', never);
    expect(object.record).toMatchObject({ owner: 'b', station: { state: 'held' } });
  });
});

describe('an upload', () => {
  it('does not start once the lease has lapsed, until it is renewed', async () => {
    await take(a);
    object.fate = () => 'unreachable';
    clock.pass(DURATION - 1);
    expect(await a.lease.admit(never)).toBe('held');
    clock.pass(1);
    await expect(a.lease.admit(never)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
    object.fate = () => 'answered';
    expect(await a.lease.admit(never)).toBe('held');
    expect(a.told).toEqual(['acquired, absent']);
  });

  it('does not start after a sleep that stopped the monotonic clock', async () => {
    await take(a);
    clock.wall += DURATION;
    const { writes } = object;
    expect(await a.lease.admit(never)).toBe('held');
    expect(object.writes).toBe(writes + 1);
  });

  it('counts the time from before the renewal was sent, not from its answer', async () => {
    await take(a);
    object.fate = (operation) => {
      if (operation === 'write') clock.pass(DURATION - 1);
      return 'answered';
    };
    clock.pass(DURATION);
    await a.lease.admit(never);
    object.fate = () => 'answered';
    clock.pass(1);
    const { writes } = object;
    await a.lease.admit(never);
    expect(object.writes).toBe(writes + 1);
  });

  it('in the last sync does not wait for a renewal that hangs', async () => {
    await take(a);
    const write = object.write.bind(object);
    let hangs = 0;
    object.write = (bytes, expected, signal?: AbortSignal) => {
      if (hangs > 0) return write(bytes, expected);
      hangs += 1;
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }));
    };
    await vi.advanceTimersByTimeAsync(10_000);
    clock.pass(DURATION);
    const admitted = a.lease.admit(never);
    a.lease.hurry();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(await admitted).toBe('held');
    expect(hangs).toBe(1);
  });

  it('of a zombie that wakes up after another took over never starts', async () => {
    await take(a);
    clock.pass(DURATION * 2);
    await take(b);
    await expect(a.lease.admit(never)).rejects.toMatchObject({ code: 'LEASE_LOST', exitStatus: 76 });
    expect(a.told.at(-1)).toBe('LEASE_LOST');
    await expect(a.lease.admit(never)).rejects.toThrow('taken over by b');
  });

  it('does not start where the other has released it since: it has written', async () => {
    await take(a);
    clock.pass(DURATION * 2);
    await take(b);
    await b.lease.release('released', never);
    await expect(a.lease.admit(never)).rejects.toMatchObject({ code: 'LEASE_LOST' });
  });

  it('goes on where somebody has only deleted the lease, and tells of it once', async () => {
    await take(a);
    object.put(undefined);
    await pass(10_000);
    await pass(10_000);
    expect(object.record).toMatchObject({ owner: 'a', generation: 1 });
    expect(await a.lease.admit(never)).toBe('held');
    expect(a.told.slice(1)).toEqual(['vanished']);
  });

  it('of another instance on a copy of the same disk ends that of the first', async () => {
    await take(a);
    const copy = leaseOf('a', object, clock);
    await take(copy);
    await pass(10_000);
    expect(a.told.at(-1)).toBe('LEASE_LOST');
    expect(await copy.lease.admit(never)).toBe('held');
  });
});

describe('a replica that was out of reach at the start', () => {
  it('is taken when it answers, and looked at anew', async () => {
    expect(await a.lease.admit(never)).toBe('anew');
    expect(await a.lease.admit(never)).toBe('held');
  });

  it('and is another’s waits for that one to write, or to expire', async () => {
    await take(b);
    await expect(a.lease.admit(never)).rejects.toMatchObject({ code: 'LEASE_HELD' });
    await b.lease.release('released', never);
    expect(await a.lease.admit(never)).toBe('anew');
  });

  it('and is that of another who lives ends this one, where it is the first of the config', async () => {
    await take(b);
    await expect(a.lease.admit(never)).rejects.toMatchObject({ code: 'LEASE_HELD' });
    await pass(10_000);
    await expect(a.lease.admit(never)).rejects.toMatchObject({ code: 'LEASE_LOST' });
  });

  it('and is that of another who lives stays to be waited for, where it is a later one of the config', async () => {
    const second = leaseOf('c', object, clock, { decides: false });
    await take(b);
    await expect(second.lease.admit(never)).rejects.toMatchObject({ code: 'LEASE_HELD' });
    await pass(10_000);
    await expect(second.lease.admit(never)).rejects.toMatchObject({ code: 'LEASE_HELD' });
    await b.lease.release('released', never);
    expect(await second.lease.admit(never)).toBe('anew');
  });
});

describe('a request to hand over', () => {
  it('is met at the next renewal, which goes on all the same', async () => {
    await take(a);
    await b.lease.look(never);
    await b.lease.request(never);
    await pass(10_000);
    expect(a.told).toEqual(['acquired, absent', 'requested by b']);
    expect(await a.lease.admit(never)).toBe('held');
    await pass(DURATION);
    expect(a.told).not.toContain('LEASE_LOST');
    expect(object.record).toMatchObject({ owner: 'a', station: { request: { owner: 'b' } } });
  });

  it('does not stand in the way of giving back', async () => {
    await take(a);
    await b.lease.look(never);
    await b.lease.request(never);
    await a.lease.release('released', never);
    expect(await take(b)).toBe(true);
    expect(object.record?.station?.request).toBeUndefined();
  });

  it('does not make the holder live longer', async () => {
    await take(a);
    clock.pass(DURATION - 1);
    await b.lease.look(never);
    await b.lease.request(never);
    clock.pass(1);
    const { writes } = object;
    await a.lease.admit(never);
    expect(object.writes).toBeGreaterThan(writes);
  });
});
