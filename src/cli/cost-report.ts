import type { NotConfiguredReplica } from '../config/config.ts';
import { formatDuration } from '../config/duration.ts';
import { formatSize } from '../config/size.ts';
import { GIGABYTE } from '../cost/charge.ts';
import type { BoundEstimate, ReplicaEstimate, WorkloadEstimate } from '../cost/estimate.ts';
import type { Requests } from '../cost/prices.ts';
import { DAYS_A_MONTH } from '../cost/uploads.ts';
import type { Bytes, Milliseconds } from '../quantities.ts';

export interface CostReport {
  /** What one sync is taken to upload. */
  readonly syncSize: Bytes;
  /** How long a lease lasts; undefined where it is off. */
  readonly lease: Milliseconds | undefined;
  readonly databases: readonly {
    readonly path: string;
    readonly size: { readonly size: Bytes; readonly from: 'file' | 'option' | 'nothing' };
    readonly replicas: readonly ReplicaEstimate[];
    readonly notConfigured: readonly NotConfiguredReplica[];
  }[];
}

const HEADINGS = ['', 'requests', '$ requests', 'GB stored', '$ storage', '$ a month'];
const WORKLOADS = { idle: 'idle', 'commit-a-minute': '1 commit a minute', 'steady-writes': 'steady writes' } as const;

/** What a person reads. */
export function costLines(report: CostReport): readonly string[] {
  const replicas = report.databases.flatMap((database) => database.replicas);
  const lines = [
    `list prices in USD, for a month of ${DAYS_A_MONTH} days; one sync uploads ${formatSize(report.syncSize)} (-sync-size)`,
    ...report.databases.flatMap(databaseLines),
  ];
  if (replicas.some(({ store }) => store.hasRequests)) {
    lines.push(
      '',
      ...leaseLines(report.lease),
      'Merged files, snapshots and looks after deletions are counted; deletions are free. "GB stored" is what is there once as',
      'much goes as comes: after retention, or with retention off after the first month, and then it grows on.',
      'Each start lists the replica, and after a restore once more, with one request for every 1000 files in it; a restore reads',
      'it, and leaving the cloud it is in may be billed as traffic. Neither is counted above, nor are requests that fail and are',
      'made again.',
    );
  }
  return lines;
}

function leaseLines(lease: Milliseconds | undefined): readonly string[] {
  if (lease === undefined) return ['The lease is off, and not counted.'];
  const third = Math.floor(lease / 3);
  return [
    `While it runs, idle or not, each replica's lease takes one request every ${third / 1000} s: ` +
      `${whole(Math.ceil((DAYS_A_MONTH * 86_400_000) / third))} a month, counted above.`,
  ];
}

function databaseLines({ path, size, replicas, notConfigured }: CostReport['databases'][number]): readonly string[] {
  const from = {
    file: `${gigabytes(size.size)} GB, the file's size`,
    option: `${gigabytes(size.size)} GB (-size)`,
    nothing: 'no file found there, so its own storage is not counted; give -size',
  };
  return [
    '',
    `${path}: ${from[size.from]}`,
    ...(replicas.length === 0
      ? ['  no replica is configured: nothing is uploaded, and nothing outlives the container']
      : []),
    ...replicas.flatMap(replicaLines),
    ...notConfigured.map(({ name, variables }) => `  ${name}: not configured, ${variables.join(', ')} is not set`),
  ];
}

function replicaLines(replica: ReplicaEstimate): readonly string[] {
  const { name, store, interval, workloads, bound } = replica;
  if (!store.hasRequests) return [`  ${name}: ${store.name}, which costs nothing but its disk`];
  const { prices } = store;
  const of = prices === undefined ? 'whose prices are not known here' : `prices of ${prices.date}`;
  const rows = [HEADINGS, ...workloads.map(workloadRow), boundRow(bound)];
  return [
    `  ${name}: ${store.name}, ${of}; at most one sync every ${formatDuration(interval)}`,
    ...table(rows).map((line) => `    ${line}`),
    ...boundLines(bound).map((line) => `    ${line}`),
    ...(prices === undefined ? [] : [`    prices: ${prices.source}`]),
    ...(store.note === undefined ? [] : [`    ${store.note}`]),
  ];
}

function workloadRow({ workload, requests, stored, charge }: WorkloadEstimate): readonly string[] {
  const total = charge && charge.requests + charge.storage;
  return [
    WORKLOADS[workload],
    whole(countOf(requests)),
    dollars(charge?.requests),
    gigabytes(stored),
    dollars(charge?.storage),
    dollars(total),
  ];
}

function boundRow({ requests, requestsADay, sent, month }: BoundEstimate): readonly string[] {
  return [
    'at most',
    whole(countOf(requests) * DAYS_A_MONTH),
    dollars(requestsADay === undefined ? undefined : requestsADay * DAYS_A_MONTH),
    sent === undefined ? '-' : gigabytes(sent * DAYS_A_MONTH),
    dollars(month?.storage),
    dollars(month && month.requests + month.storage),
  ];
}

/** The upper bound, said as a sentence: it holds for any workload. */
function boundLines({ syncs, requests, requestsADay, requestsPerGigabyte, putsPerGigabyte }: BoundEstimate) {
  const cost = requestsADay === undefined ? '' : `, $${requestsADay.toFixed(2)}`;
  const lines = [
    `no workload makes more than ${whole(syncs)} syncs a day: ${whole(countOf(requests))} requests${cost}`,
  ];
  if (putsPerGigabyte > 0) {
    const more = requestsPerGigabyte === undefined ? '' : `, $${requestsPerGigabyte.toFixed(4)},`;
    lines.push(
      `and ${whole(putsPerGigabyte)} more${more} for each GB in syncs larger than one part; max-upload-rate bounds these`,
    );
  }
  return lines;
}

/** Columns as wide as they need to be, numbers to the right. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}

const countOf = ({ puts, lists }: Requests): number => puts + lists;
const whole = (count: number): string => count.toLocaleString('en-US');
const gigabytes = (size: number): string => {
  const count = size / GIGABYTE;
  return count > 0 && count < 0.01
    ? '<0.01'
    : count.toLocaleString('en-US', { maximumFractionDigits: 2, minimumFractionDigits: 2 });
};

function dollars(amount: number | undefined): string {
  if (amount === undefined) return '-';
  return amount > 0 && amount < 0.005 ? '<0.01' : amount.toFixed(2);
}

/** For programs. Amounts are USD, unrounded; sizes bytes. */
export function costJson({ syncSize, lease, databases }: CostReport) {
  return {
    currency: 'USD',
    days_a_month: DAYS_A_MONTH,
    sync_size: syncSize,
    lease_duration_ms: lease ?? null,
    databases: databases.map(({ path, size, replicas, notConfigured }) => ({
      db: path,
      size: size.from === 'nothing' ? null : size.size,
      size_from: size.from,
      replicas: replicas.map(replicaJson),
      not_configured: notConfigured.map(({ name, variables }) => ({ name, variables })),
    })),
  };
}

function replicaJson({ name, store, interval, workloads, bound, firstUpload }: ReplicaEstimate) {
  const { prices } = store;
  return {
    name,
    store: store.name,
    prices: prices === undefined ? null : { date: prices.date, source: prices.source },
    note: store.note ?? null,
    sync_interval_ms: interval,
    workloads: workloads.map(({ workload, requests, stored, charge }) => ({
      workload,
      ...requests,
      bytes_stored: stored,
      cost: costOf(charge),
    })),
    at_most: {
      syncs_a_day: bound.syncs,
      puts_a_day: bound.requests.puts,
      lists_a_day: bound.requests.lists,
      requests_cost_a_day: bound.requestsADay ?? null,
      bytes_a_day: bound.sent ?? null,
      puts_for_each_gigabyte_more: bound.putsPerGigabyte,
      month_cost: costOf(bound.month),
    },
    first_upload: firstUpload,
  };
}

function costOf(charge: WorkloadEstimate['charge']) {
  return charge === undefined ? null : { ...charge, total: charge.requests + charge.storage };
}
