import { StationError, toStationError } from '../errors.ts';
import { LEASE_KEY } from '../lease/lease-record.ts';
import { type FoundLease, findLease } from '../lease/look-at-lease.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import { askReplica, type ReplicaReport } from '../restore/ask-replicas.ts';
import { listGenerations, listSnapshots } from '../restore/legacy/generations.ts';
import { restorablePoints } from '../restore/plan.ts';
import { readPoint } from '../restore/position.ts';
import type { NamedReplica } from '../restore/restore-target.ts';

/** What a replica says of itself. */
export interface RemoteStatus {
  readonly report: ReplicaReport;
  /** The oldest moment it can be restored to. */
  readonly oldest: Milliseconds | undefined;
  /** Undefined where it could not be read: then `leaseError` says why. */
  readonly lease: FoundLease | undefined;
  readonly leaseError: StationError | undefined;
}

/** Asks one replica what it can be restored to, and who holds its lease. What fails is part of the answer. */
export async function lookAtReplica(replica: NamedReplica, timeout: Milliseconds): Promise<RemoteStatus> {
  const signal = AbortSignal.timeout(timeout);
  const { store } = replica;
  const url = `${store.url.replace(/\/$/, '')}/${LEASE_KEY}`;
  const asking = askReplica(replica, { kind: 'newest' }, [], timeout, new AbortController().signal);
  const [report, lease] = await Promise.all([
    asking,
    findLease(store.conditional(LEASE_KEY), url, signal).catch(toStationError),
  ]);
  const oldest = report.answer.kind === 'holds' ? await findOldest(report, signal).catch(() => undefined) : undefined;
  const late = new StationError('STORAGE_UNREACHABLE', `${url} did not answer within ${timeout / 1000} s`);
  if (!(lease instanceof StationError)) return { report, oldest, lease, leaseError: undefined };
  return { report, oldest, lease: undefined, leaseError: signal.aborted ? late : lease };
}

async function findOldest(
  { replica: { store }, inventory, excluded }: ReplicaReport,
  signal: AbortSignal,
): Promise<Milliseconds | undefined> {
  const times: number[] = [];
  const [first] = inventory === undefined ? [] : restorablePoints(inventory, excluded);
  if (inventory !== undefined && first !== undefined) {
    const { header } = await readPoint(store, inventory, first, excluded, signal);
    if (header !== undefined) times.push(header.timestamp);
  }
  for (const generation of await listGenerations(store, signal)) {
    const [snapshot] = await listSnapshots(store, generation, signal);
    if (snapshot !== undefined) times.push(snapshot.lastModified);
  }
  return times.length === 0 ? undefined : milliseconds(Math.min(...times));
}
