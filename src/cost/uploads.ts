import { type Bytes, bytes, type Milliseconds } from '../quantities.ts';
import type { PricedStore } from './priced-store.ts';
import type { Requests } from './prices.ts';

const DAY = 86_400_000;
/** Months are of 30 days. */
export const DAYS_A_MONTH = 30;
const MONTH = DAYS_A_MONTH * DAY;

export type Uploads = Pick<PricedStore, 'partSize' | 'listsPerUpload' | 'hasRequests'>;

const noRequests: Requests = { puts: 0, lists: 0 };

/** The requests of uploading one object of this size, where all goes well: its parts, one to begin and one to end. */
export function requestsOfUpload(store: Uploads, size: Bytes): Requests {
  if (!store.hasRequests) return noRequests;
  const { partSize, listsPerUpload } = store;
  const puts = partSize === undefined || size <= partSize ? 1 : Math.ceil(size / partSize) + 2;
  return { puts, lists: listsPerUpload };
}

export function times(requests: Requests, count: number): Requests {
  return { puts: requests.puts * count, lists: requests.lists * count };
}

export function plus(some: Requests, more: Requests): Requests {
  return { puts: some.puts + more.puts, lists: some.lists + more.lists };
}

/** What an application does, as far as it costs something. */
export type Workload = 'idle' | 'commit-a-minute' | 'steady-writes';

/** Syncs a month: one per commit, and no more than one per interval. At rest there are none. */
export function syncsAMonth(workload: Workload, interval: Milliseconds): number {
  if (workload === 'idle') return 0;
  return Math.ceil(MONTH / (workload === 'steady-writes' ? interval : Math.max(interval, 60_000)));
}

/** Writes that keep a lease, in so many milliseconds while the program runs: one each third of its duration, and no more. */
function renewals(time: number, lease: Milliseconds | undefined): number {
  return lease === undefined ? 0 : Math.ceil(time / Math.floor(lease / 3));
}

/** A month of keeping the lease, busy or idle. @param lease its duration; undefined where it is off */
export function renewalsAMonth(store: Uploads, lease: Milliseconds | undefined): Requests {
  return store.hasRequests ? { puts: renewals(MONTH, lease), lists: 0 } : noRequests;
}

/** What no workload can pass in one day. */
export interface UploadBound {
  readonly syncs: number;
  readonly requests: Requests;
  /** Bytes sent; undefined: nothing limits them. */
  readonly sent: Bytes | undefined;
  /**
   * Where nothing limits the bytes and large syncs go up in parts: requests to be added for each GB (10^9 bytes) in
   * syncs larger than one part. 0: `requests` is the whole bound.
   */
  readonly putsPerGigabyte: number;
}

/** Files that are made beside the syncs in a day, at most, and what large ones take. */
export interface BesideSyncs {
  readonly merges: number;
  /** Times that the bytes of a sync are sent again in merged files. */
  readonly levels: number;
  readonly snapshots: number;
  readonly snapshotSize: Bytes;
  readonly looks: number;
}

/**
 * The most a day can bring: a sync at once and then one per interval, and what is made of them. A file that is larger than
 * one part takes at most three requests more for each part's worth of bytes (just over one part: two parts, begin, end,
 * instead of one), so a limit on the rate bounds these too. The lease is in it. Restarts, and requests that fail and are
 * made again, come on top.
 */
export function mostADay(
  store: Uploads,
  interval: Milliseconds,
  maxUploadRate: Bytes | undefined,
  lease: Milliseconds | undefined,
  beside: BesideSyncs,
): UploadBound {
  const syncs = Math.floor(DAY / interval) + 1;
  // A day's worth, and the second's worth that may pass at once.
  const sent = maxUploadRate === undefined ? undefined : bytes(maxUploadRate * (DAY / 1000 + 1));
  const small = syncs + beside.merges;
  const ofSmall = times(requestsOfUpload(store, bytes(0)), small);
  const others = store.hasRequests ? { puts: renewals(DAY, lease), lists: beside.looks } : noRequests;
  const { partSize } = store;
  if (sent === undefined || partSize === undefined || !store.hasRequests) {
    const snapshots = times(requestsOfUpload(store, beside.snapshotSize), beside.snapshots);
    const hasParts = partSize !== undefined && store.hasRequests;
    const putsPerGigabyte = hasParts ? Math.ceil((3 * 1e9) / partSize) * (1 + beside.levels) : 0;
    return { syncs, requests: [ofSmall, snapshots, others].reduce(plus), sent, putsPerGigabyte };
  }
  const parts = Math.ceil(sent / partSize);
  const files = small + beside.snapshots;
  const all = plus(times(requestsOfUpload(store, bytes(0)), files), others);
  return { syncs, requests: { ...all, puts: all.puts + parts + 2 * Math.min(files, parts) }, sent, putsPerGigabyte: 0 };
}
