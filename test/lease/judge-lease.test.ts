import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hasLapsed,
  type Instance,
  judgeLease,
  type Moment,
  needsClaim,
  observe,
  skewMargin,
} from '../../src/lease/judge-lease.ts';
import type { LeaseRecord } from '../../src/lease/lease-record.ts';
import { acquired, freed, renewed, requested } from '../../src/lease/next-lease.ts';
import { keepLevel0From } from '../../src/lease/takeover-points.ts';
import { choosePolicy } from '../../src/lease/takeover-policy.ts';
import { milliseconds, txid } from '../../src/quantities.ts';

const instance = (name: string, service?: string): Instance => ({
  disk: `disk of ${name}`,
  place: undefined,
  owner: `${name}:1`,
  service: service === undefined ? undefined : { platform: 'kubernetes', name: service },
});
const a = instance('a', 'web');
const b = instance('b', 'web');
const duration = milliseconds(30_000);
const start = milliseconds(1_700_000_000_000);
const at = (wall: number, monotonic = wall): Moment => ({
  wall: milliseconds(start + wall),
  monotonic: milliseconds(monotonic),
});
const ofA = acquired(undefined, 'absent', a, duration, start, 'first');
const stock: LeaseRecord = {
  generation: 3,
  expiresAt: milliseconds(start + 30_000),
  owner: 'stock:1',
  station: undefined,
  unknown: {},
};
const judge = (record: LeaseRecord | undefined, me: Instance, now: Moment, seenAt?: number) =>
  judgeLease(record, me, seenAt === undefined ? undefined : observe(undefined, record, milliseconds(seenAt)), now);

describe('a lease that was found', () => {
  it('nowhere is free', () => {
    expect(judge(undefined, b, at(0))).toEqual({ kind: 'free', why: 'absent' });
  });

  it('to be another’s is held until it expires, and a margin for clocks that differ', () => {
    const margin = skewMargin(duration);
    expect(judge(ofA, b, at(0))).toMatchObject({
      kind: 'held',
      by: { owner: 'a:1' },
      until: start + duration + margin,
    });
    expect(judge(ofA, b, at(duration + margin - 1))).toMatchObject({ kind: 'held' });
    expect(judge(ofA, b, at(duration + margin))).toEqual({ kind: 'free', why: 'expired' });
  });

  it('to be stock Litestream’s is respected as long', () => {
    expect(judge(stock, b, at(34_999))).toMatchObject({ kind: 'held' });
    expect(judge(stock, b, at(35_000))).toEqual({ kind: 'free', why: 'expired' });
  });

  it('to be of a clock that is years ahead is free once nothing was written for its duration, by our own clock', () => {
    const ahead = acquired(undefined, 'absent', a, duration, milliseconds(start + 1e11), 'first');
    expect(judge(ahead, b, at(34_999), 0)).toMatchObject({ kind: 'held' });
    expect(judge(ahead, b, at(35_000), 0)).toEqual({ kind: 'free', why: 'expired' });
  });

  it('to be of such a clock, and renewed, is held', () => {
    const ahead = acquired(undefined, 'absent', a, duration, milliseconds(start + 1e11), 'first');
    const seen = observe(undefined, ahead, milliseconds(0));
    const again = renewed(ahead, milliseconds(start + 1e11), 'second', undefined);
    const now = at(35_000);
    expect(judgeLease(again, b, observe(seen, again, now.monotonic), now)).toMatchObject({ kind: 'held' });
  });

  it('with a request that was added counts as not written by its holder', () => {
    const seen = observe(undefined, ofA, milliseconds(0));
    const asked = requested(ofA, { instance: 'b', owner: 'b:1', since: start });
    expect(observe(seen, asked, milliseconds(5_000))).toEqual(seen);
  });

  it.each(['released', 'left', 'broken'] as const)('%s is free at once', (state) => {
    expect(judge(freed(ofA, state, a, start, 'last'), b, at(0))).toEqual({ kind: 'free', why: state });
  });

  it('to be that of the process before on the same disk is free at once', () => {
    expect(judge(ofA, { ...b, disk: a.disk }, at(0))).toEqual({ kind: 'free', why: 'own-disk' });
  });

  it('to be left by the process before on the same disk needs no claim: its uploads are staged there', () => {
    const left = freed(ofA, 'left', a, start, 'last');
    expect(judge(left, a, at(0))).toEqual({ kind: 'free', why: 'own-disk' });
    expect(needsClaim('own-disk', left, 'present')).toBe(false);
  });

  it('to be that of the container before at the same place is free at once, and nameless places are not the same', () => {
    const inPod = acquired(undefined, 'absent', { ...a, place: 'pod@boot' }, duration, start, 'first');
    expect(judge(inPod, { ...b, place: 'pod@boot' }, at(0))).toEqual({ kind: 'free', why: 'own-place' });
    expect(judge(inPod, { ...b, place: 'pod@other boot' }, at(0))).toMatchObject({ kind: 'held' });
    expect(judge(ofA, b, at(0))).toMatchObject({ kind: 'held' });
  });
});

describe('a holder', () => {
  it('counts its lease as lapsed at the end of the duration, by whichever of its clocks has gone further', () => {
    const written = at(0);
    expect(hasLapsed(ofA, written, at(duration - 1))).toBe(false);
    expect(hasLapsed(ofA, written, at(duration))).toBe(true);
    // Its machine slept, and its monotonic clock with it; or somebody has set its wall clock back.
    expect(hasLapsed(ofA, written, at(duration, 5))).toBe(true);
    expect(hasLapsed(ofA, written, at(-5, duration))).toBe(true);
  });

  it('counts its lease as lapsed before anybody may take it, while clocks differ by no more than the margin', () => {
    const margin = skewMargin(duration);
    let taken = 0;
    const time = fc.integer({ min: 0, max: 3 * duration });
    const skew = fc.integer({ min: -margin, max: margin });
    fc.assert(
      fc.property(time, skew, fc.option(time, { nil: undefined }), (passed, ahead, lookedAt) => {
        const seenAt = lookedAt === undefined || lookedAt > passed ? passed : lookedAt;
        const judged = judge(ofA, b, at(passed + ahead, passed), seenAt);
        if (judged.kind === 'held') return;
        taken += 1;
        expect(hasLapsed(ofA, at(0), at(passed))).toBe(true);
      }),
    );
    expect(taken).toBeGreaterThan(0);
  });
});

describe('the next TXID', () => {
  const ofDisk = (isUnclaimed: boolean) =>
    acquired(undefined, isUnclaimed ? 'expired' : 'released', a, duration, start, '1');

  it('is claimed after every holder that may still be writing', () => {
    const claims = (why: Parameters<typeof needsClaim>[0]) => needsClaim(why, ofA, 'present');
    expect([claims('expired'), claims('broken'), claims('left'), claims('own-place')]).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect([claims('absent'), claims('released'), claims('own-disk')]).toEqual([false, false, false]);
  });

  it('is claimed on our own disk where the database, or the claim before a crash, is missing', () => {
    expect(needsClaim('own-disk', ofDisk(false), 'absent')).toBe(true);
    expect(needsClaim('own-disk', ofDisk(true), 'present')).toBe(true);
  });

  it('stays to be claimed for the next holder where this one ends before it did', () => {
    const due = ofDisk(true);
    expect(freed(due, 'released', a, start, '2').station?.state).toBe('left');
    const claimed = renewed(due, start, '2', { txid: txid(5), at: start, isClaimed: true });
    expect(freed(claimed, 'released', a, start, '3').station?.state).toBe('released');
  });
});

describe('a record', () => {
  it('counts acquisitions, and keeps fields of others', () => {
    const before = { ...stock, unknown: { comment: 'hands off' } };
    expect(acquired(before, 'expired', b, duration, start, '1')).toMatchObject({
      generation: 4,
      owner: 'b:1',
      unknown: { comment: 'hands off' },
    });
  });

  it('that is given back has expired long ago, for a stock Litestream with any clock', () => {
    expect(freed(ofA, 'released', a, start, '2').expiresAt).toBe(0);
  });

  it('takes one request, and keeps it until the lease is given back', () => {
    const asked = requested(ofA, { instance: 'b', owner: 'b:1', since: start });
    expect(asked?.station).toMatchObject({ nonce: 'first', request: { owner: 'b:1' } });
    expect(asked && requested(asked, { instance: 'c', owner: 'c:1', since: start })).toBeUndefined();
    expect(asked && renewed(asked, start, '2', undefined).station?.request).toMatchObject({ owner: 'b:1' });
    expect(asked && freed(asked, 'released', a, start, '3').station?.request).toBeUndefined();
  });

  it('tells take-over points for a day: level-0 files from the lowest of them on stay', () => {
    const day = 24 * 3.6e6;
    const first = renewed(ofA, start, '2', { txid: txid(7), at: start, isClaimed: false });
    const later = milliseconds(start + day - 1);
    const second = renewed(first, later, '3', { txid: txid(20), at: later, isClaimed: false });
    const points = second.station?.takeovers ?? [];
    expect(keepLevel0From(points, later)).toBe(7);
    expect(keepLevel0From(points, milliseconds(start + day))).toBe(20);
    expect(keepLevel0From(points, milliseconds(later + day))).toBeUndefined();
  });
});

describe('what to do about another holder', () => {
  it('is to ask an instance of the same service, and to wait for any other', () => {
    expect(choosePolicy(undefined, ofA, b)).toBe('handover');
    expect(choosePolicy(undefined, ofA, instance('c', 'api'))).toBe('wait');
    expect(choosePolicy(undefined, ofA, instance('c'))).toBe('wait');
    expect(
      choosePolicy(undefined, acquired(undefined, 'absent', instance('d'), duration, start, '1'), instance('c')),
    ).toBe('wait');
  });

  it('is what was asked for, but for a stock Litestream, which knows no requests', () => {
    expect(choosePolicy('refuse', ofA, b)).toBe('refuse');
    expect(choosePolicy('wait', ofA, b)).toBe('wait');
    expect(choosePolicy('handover', ofA, instance('c'))).toBe('handover');
    expect(choosePolicy('handover', stock, b)).toBe('wait');
  });
});
