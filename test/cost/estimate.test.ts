import { describe, expect, it } from 'vitest';
import { estimate } from '../../src/cost/estimate.ts';
import { bytes, milliseconds } from '../../src/quantities.ts';
import { database, folder, gs, replica, s3 } from './stores.ts';

const GB = 1e9;
const of = (config: ReturnType<typeof database>, size = 0, syncSize = 10_000) =>
  estimate({
    databases: [{ config, size: bytes(size) }],
    syncSize: bytes(syncSize),
    lease: undefined,
    environment: {},
  })[0] ?? [];
const r2 = s3({ endpoint: 'https://account.r2.cloudflarestorage.com' });

describe('an estimate', () => {
  it('of an idle database is its storage alone', () => {
    const [one] = of(database(replica(s3(), 10)), 10 * GB);
    expect(one?.workloads[0]).toMatchObject({ workload: 'idle', requests: { puts: 0, lists: 0 }, stored: 10 * GB });
    expect(one?.workloads[0]?.charge).toEqual({ requests: 0, storage: expect.closeTo(0.23, 6) });
  });

  it('counts the renewals of the lease, idle or not: $1.30 a month on S3 at the default duration', () => {
    const input = { databases: [{ config: database(replica(s3(), 10), replica(folder, 10)), size: bytes(0) }] };
    const lease = milliseconds(30_000);
    const [[one, two] = []] = estimate({ ...input, syncSize: bytes(10_000), lease, environment: {} });
    expect(one?.workloads.map(({ requests }) => requests.puts)).toEqual([259_200, 302_400 + 4_330, 518_400 + 25_830]);
    expect(one?.workloads[0]?.charge?.requests).toBeCloseTo(1.296, 6);
    // 863 merged files with those that may fall due at the day's edge, and three snapshots, besides.
    expect(one?.bound.requests.puts).toBe(8_641 + 863 + 3 + 8_640);
    expect(two?.workloads[0]?.requests.puts).toBe(0);
  });

  it('counts each sync’s upload, what is made of them, and what retention leaves of it', () => {
    const [one] = of(database(replica(s3(), 1)));
    const steady = one?.workloads[2];
    // 86,400 + 8,640 + 720 merged files, of which the last take seven requests each, and 30 snapshots; 33 looks after
    // deletions, and four lists more for each snapshot that goes.
    const requests = { puts: 2_592_000 + 86_400 + 8_640 + 7 * 720 + 30, lists: 33 + 120 };
    // A day's retention, an hour of grace, a day to the next snapshot: at four levels.
    const stored = ((49 / 720) * 25.92 * 4 * GB) as number;
    expect(steady).toMatchObject({ requests, stored });
    const dollars = { requests: (requests.puts + requests.lists) * 5e-6, storage: (stored / GB) * 0.023 };
    expect(steady?.charge).toEqual({
      requests: expect.closeTo(dollars.requests, 6),
      storage: expect.closeTo(dollars.storage, 6),
    });
  });

  it('goes by the shortest interval of the database, since every file goes to every replica', () => {
    const replicas = of(database(replica(s3(), 60), replica(gs(), 10), replica(folder, 30)));
    expect(replicas.map(({ interval }) => interval)).toEqual([10_000, 10_000, 10_000]);
    expect(replicas.map(({ workloads }) => workloads[2]?.requests.puts)).toEqual([285_030, 285_030, 0]);
  });

  it('divides a free allowance among the replicas that share it', () => {
    const alone = of(database(replica(r2, 1)))[0]?.workloads[2]?.charge?.requests;
    const [first, second] = of(database(replica(r2, 1), replica(r2, 1), replica(s3(), 1)));
    // 2,692,110 uploads and 153 lists, of which the first million, or half of it, is free.
    expect(alone).toBeCloseTo(1.692263 * 4.5, 6);
    expect(first?.workloads[2]?.charge?.requests).toBeCloseTo(2.192263 * 4.5, 6);
    expect(second?.workloads[2]?.charge?.requests).toBeCloseTo(2.192263 * 4.5, 6);
  });

  it('gives requests without a price for a server that is not in the list', () => {
    const [one] = of(database(replica(s3({ endpoint: 'http://localhost:9000' }), 10)));
    expect(one?.workloads[2]).toMatchObject({ requests: { puts: 285_030 }, charge: undefined });
    expect(one?.bound).toMatchObject({ requestsADay: undefined, month: undefined });
  });

  it('has an upper bound on the cost of a day, that of a month only with a limit on the rate', () => {
    const [free] = of(database(replica(gs(), 10)));
    // 8,641 syncs, 866 files made of them, 13 lists.
    expect(free?.bound.requestsADay).toBeCloseTo(0.0476, 6);
    expect(free?.bound.month).toBeUndefined();
    const [limited] = of(database(replica(gs(), 10, 1_000_000)), GB);
    // 86,401 s of 1 MB a day: 2592 GB a month, half of them on average, and the 1 GB that is there.
    expect(limited?.bound.month?.storage).toBeCloseTo((86_401 * 0.03 * 0.5 + 1) * 0.02, 6);
  });

  it('tells what the first copy takes', () => {
    expect(of(database(replica(s3(), 10)), 80 * 1024 ** 2)[0]?.firstUpload).toEqual({ puts: 12, lists: 0 });
  });
});
