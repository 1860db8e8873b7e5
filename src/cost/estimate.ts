import type { DatabaseConfig, ReplicaConfig } from '../config/config.ts';
import { type Bytes, bytes, type Milliseconds, milliseconds } from '../quantities.ts';
import { type Charge, charge, chargeInFull } from './charge.ts';
import { type PricedStore, pricedStore } from './priced-store.ts';
import type { PriceList, Requests } from './prices.ts';
import { scheduleOf, storedInTheEnd, type UpkeepSchedule, upkeepAMonth, upkeepAtMost } from './upkeep.ts';
import {
  DAYS_A_MONTH,
  mostADay,
  plus,
  renewalsAMonth,
  requestsOfUpload,
  syncsAMonth,
  times,
  type UploadBound,
  type Workload,
} from './uploads.ts';

const workloads: readonly Workload[] = ['idle', 'commit-a-minute', 'steady-writes'];

export interface EstimateInput {
  readonly databases: readonly { readonly config: DatabaseConfig; readonly size: Bytes }[];
  /** What one sync uploads, on average. */
  readonly syncSize: Bytes;
  /** How long each replica's lease lasts; undefined where it is off. */
  readonly lease: Milliseconds | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A month of one workload at one replica. Charges are undefined where no prices are known. */
export interface WorkloadEstimate {
  readonly workload: Workload;
  readonly requests: Requests;
  /** Bytes in the replica once as much goes as comes; with retention off, after the first month. */
  readonly stored: Bytes;
  readonly charge: Charge | undefined;
}

export interface BoundEstimate extends UploadBound {
  /** USD a day for the requests, with nothing free; undefined where no prices are known. */
  readonly requestsADay: number | undefined;
  /** USD for each further GB where `putsPerGigabyte` is not 0. */
  readonly requestsPerGigabyte: number | undefined;
  /** USD a month, storage too; undefined where the bytes have no bound, or no prices are known. */
  readonly month: Charge | undefined;
}

export interface ReplicaEstimate {
  readonly name: string;
  readonly store: PricedStore;
  /** Least time between two syncs: the shortest of the database's replicas, for each file goes to all of them. */
  readonly interval: Milliseconds;
  readonly workloads: readonly WorkloadEstimate[];
  readonly bound: BoundEstimate;
  /** The first copy of the whole database, once. */
  readonly firstUpload: Requests;
}

/**
 * What the replicas of each database cost a month, in the order of the config. Free allowances belong to the account,
 * so they are divided evenly among the replicas with the same provider; what one leaves unused is not given to another.
 */
export function estimate(input: EstimateInput): readonly (readonly ReplicaEstimate[])[] {
  const stores = input.databases.map(({ config }) =>
    config.replicas.map(({ store }) => pricedStore(store, input.environment)),
  );
  const shareOf = (prices: PriceList | undefined) =>
    1 / Math.max(1, stores.flat().filter((store) => store.prices === prices).length);
  return input.databases.map(({ config, size }, database) => {
    const interval = milliseconds(Math.min(...config.replicas.map(({ syncInterval }) => syncInterval)));
    return config.replicas.map((replica, index) => {
      const store = stores[database]?.[index] as PricedStore;
      return estimateReplica(replica, store, {
        interval,
        size,
        syncSize: input.syncSize,
        lease: input.lease,
        schedule: scheduleOf(config, replica),
        share: shareOf(store.prices),
      });
    });
  });
}

interface Circumstances {
  readonly interval: Milliseconds;
  readonly size: Bytes;
  readonly syncSize: Bytes;
  readonly lease: Milliseconds | undefined;
  readonly schedule: UpkeepSchedule;
  readonly share: number;
}

function estimateReplica(replica: ReplicaConfig, store: PricedStore, around: Circumstances): ReplicaEstimate {
  const { interval, size, syncSize, lease, schedule } = around;
  const beside = {
    ...upkeepAtMost(Math.floor(86_400_000 / interval) + 1, schedule),
    levels: schedule.levels.length,
    snapshotSize: size,
  };
  const ofLease = renewalsAMonth(store, lease);
  const perSync = requestsOfUpload(store, syncSize);
  return {
    name: replica.name,
    store,
    interval,
    workloads: workloads.map((workload) => {
      const syncs = syncsAMonth(workload, interval);
      const ofUpkeep = upkeepAMonth(store, syncs, syncSize, size, schedule);
      const requests = [times(perSync, syncs), ofUpkeep, ofLease].reduce(plus);
      const stored = storedInTheEnd(syncs, syncSize, size, schedule);
      const charged = store.prices === undefined ? undefined : charge(store.prices, requests, stored, around.share);
      return { workload, requests, stored, charge: charged };
    }),
    bound: boundOf(store, mostADay(store, interval, replica.maxUploadRate, lease, beside), size),
    firstUpload: requestsOfUpload(store, size),
  };
}

/** At most the average of the first month: what was there at its start, and half of what came. */
function onAverage(size: Bytes, added: Bytes): Bytes {
  return bytes(Math.round(size + added / 2));
}

function boundOf({ prices }: PricedStore, bound: UploadBound, size: Bytes): BoundEstimate {
  if (prices === undefined) {
    return { ...bound, requestsADay: undefined, requestsPerGigabyte: undefined, month: undefined };
  }
  const nothing = bytes(0);
  const { requests, sent, putsPerGigabyte } = bound;
  const added = sent === undefined ? undefined : bytes(sent * DAYS_A_MONTH);
  return {
    ...bound,
    requestsADay: chargeInFull(prices, requests, nothing).requests,
    requestsPerGigabyte: chargeInFull(prices, { puts: putsPerGigabyte, lists: 0 }, nothing).requests,
    month:
      added === undefined ? undefined : chargeInFull(prices, times(requests, DAYS_A_MONTH), onAverage(size, added)),
  };
}
