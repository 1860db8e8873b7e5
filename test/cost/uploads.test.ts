import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostADay, requestsOfUpload, syncsAMonth } from '../../src/cost/uploads.ts';
import { bytes, milliseconds } from '../../src/quantities.ts';
import { nextSyncAt } from '../../src/replication/sync/sync-schedule.ts';

const MIB = 1 << 20;
const DAY = 86_400_000;
const inParts = { partSize: bytes(8 * MIB), listsPerUpload: 0, hasRequests: true } as const;
const whole = { ...inParts, partSize: undefined };
/** With no levels and no snapshots. */
const nothing = { merges: 0, levels: 0, snapshots: 0, snapshotSize: bytes(0), looks: 0 };
const seconds = (count: number) => milliseconds(count * 1000);

describe('an upload', () => {
  it.each([
    [0, 1],
    [8 * MIB, 1],
    [8 * MIB + 1, 4],
    [80 * MIB, 12],
  ])('of %i bytes takes %i requests where it goes up in parts of 8 MiB', (size, puts) => {
    expect(requestsOfUpload(inParts, bytes(size))).toEqual({ puts, lists: 0 });
  });

  it('takes one where any upload is one operation, and none in a folder', () => {
    expect(requestsOfUpload(whole, bytes(80 * MIB)).puts).toBe(1);
    expect(requestsOfUpload({ ...whole, hasRequests: false }, bytes(1))).toEqual({ puts: 0, lists: 0 });
  });
});

describe('the syncs of a month', () => {
  it.each([
    ['idle', 10, 0],
    ['commit-a-minute', 10, 43_200],
    ['commit-a-minute', 60, 43_200],
    ['commit-a-minute', 3600, 720],
    ['steady-writes', 1, 2_592_000],
    ['steady-writes', 10, 259_200],
    ['steady-writes', 3600, 720],
  ] as const)('%s, at most one in %i s: %i', (workload, interval, syncs) => {
    expect(syncsAMonth(workload, seconds(interval))).toBe(syncs);
  });
});

describe('the most a day can bring', () => {
  it('is a sync at once and one per interval', () => {
    expect(mostADay(whole, seconds(10), undefined, undefined, nothing)).toMatchObject({
      syncs: 8641,
      requests: { puts: 8641 },
    });
  });

  it('is the whole bound where an upload is one request, and else without what large syncs add', () => {
    expect(mostADay(whole, seconds(10), undefined, undefined, nothing).putsPerGigabyte).toBe(0);
    expect(mostADay(inParts, seconds(10), undefined, undefined, nothing).putsPerGigabyte).toBe(358);
  });

  it('has a bound on the bytes, and so on the parts, with a limit on the rate', () => {
    expect(mostADay(inParts, seconds(10), bytes(MIB), undefined, nothing)).toMatchObject({
      sent: 86_401 * MIB,
      putsPerGigabyte: 0,
    });
  });

  it('is never passed, whenever the commits come', () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 4 * 3_600_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3600 }), pauses, (interval, times) => {
        let now = 0;
        let last: ReturnType<typeof milliseconds> | undefined;
        let syncs = 0;
        for (const pause of times) {
          now += pause;
          last = nextSyncAt(milliseconds(now), last, seconds(interval));
          now = last;
          if (now <= DAY) syncs += 1;
        }
        expect(syncs).toBeLessThanOrEqual(mostADay(whole, seconds(interval), undefined, undefined, nothing).syncs);
      }),
    );
  });

  it('is never passed by large syncs either, within the rate', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 200 * MIB }), { maxLength: 100 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 16 * 1024, max: MIB }), (syncs, rate) => {
        const bound = mostADay(inParts, seconds(600), bytes(rate), undefined, nothing);
        let sent = 0;
        let puts = 0;
        for (const size of syncs) {
          sent += size;
          if (sent > (bound.sent ?? 0)) break;
          puts += requestsOfUpload(inParts, bytes(size)).puts;
        }
        expect(puts).toBeLessThanOrEqual(bound.requests.puts);
      }),
    );
  });
});
