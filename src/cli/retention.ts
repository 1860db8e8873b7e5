import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { DatabaseConfig, ReplicaConfig } from '../config/config.ts';
import { StationError, toStationError } from '../errors.ts';
import { describeHolder } from '../lease/describe-lease.ts';
import { Lease } from '../lease/lease.ts';
import { LEASE_KEY } from '../lease/lease-record.ts';
import { findLease } from '../lease/look-at-lease.ts';
import { keepLevel0From } from '../lease/takeover-points.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import { HeldFiles, heldFilesOf } from '../replication/levels/held-files.ts';
import { grainOf } from '../replication/levels/merge-plan.ts';
import { GRACE, planRetention } from '../replication/levels/retention-plan.ts';
import { planOldBackupsForSure } from '../replication/upkeep/plan-old-backups.ts';
import { RetentionSweep } from '../replication/upkeep/retention-sweep.ts';
import { settleTimes } from '../replication/upkeep/settle-times.ts';
import { takeInventory } from '../restore/inventory.ts';
import { listWholeGenerations } from '../restore/legacy/generations.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openStore } from '../storage/open-store.ts';
import { monotonicClock } from '../supervisor/clock.ts';
import { chooseDatabases } from './doctor.ts';
import { readConfig } from './load.ts';
import { type ReplicaPlan, type ReplicaRetention, retentionJson, retentionLines } from './retention-report.ts';
import type { RetentionOptions } from './run-options.ts';

const LEASE_DURATION = milliseconds(30_000);
const wallClock = (): Milliseconds => milliseconds(Date.now());

/**
 * Deletes from the replicas of the config what is older than was promised, or tells what that would be. A running
 * instance does it by itself; where one holds the lease, only the plan can be had. Resolves to the exit status: that of
 * the first replica that failed.
 */
export async function retentionCommand(options: RetentionOptions): Promise<number> {
  const config = readConfig(options);
  const databases = chooseDatabases(config, options.subject);
  const replicas = databases.flatMap((database) => database.replicas.map((replica) => ({ database, replica })));
  if (replicas.length === 0) {
    throw new StationError('REPLICA_REQUIRED', 'no replica is configured: there is nothing to delete from', {
      hint: `set one of ${config.replicaVariables.join(', ')}`,
    });
  }
  const signal = new AbortController().signal;
  const reports: ReplicaRetention[] = [];
  for (const { database, replica } of replicas) reports.push(await retain(database, replica, options.dryRun, signal));
  const text = options.json ? JSON.stringify(reports.map(retentionJson)) : reports.flatMap(retentionLines).join('\n');
  process.stdout.write(`${text}\n`);
  const failed = reports.find(({ outcome }) => outcome.kind === 'failed')?.outcome;
  return failed?.kind === 'failed' ? failed.error.exitStatus : 0;
}

async function retain(
  database: DatabaseConfig,
  replica: ReplicaConfig,
  isDryRun: boolean,
  signal: AbortSignal,
): Promise<ReplicaRetention> {
  const store = await openStore(replica.store);
  const about = { database: database.path, replica: replica.name, url: store.url, retention: replica.retention };
  try {
    if (!replica.retention.enabled) return { ...about, outcome: { kind: 'off' } };
    if (isDryRun)
      return { ...about, outcome: { kind: 'planned', plan: await planFor(database, replica, store, signal) } };
    const { plan, undeleted } = await underLease(store, signal, (admit) =>
      carryOut(database, replica, store, admit, signal),
    );
    return { ...about, outcome: { kind: 'deleted', plan, undeleted } };
  } catch (error) {
    return { ...about, outcome: { kind: 'failed', error: toStationError(error) } };
  } finally {
    await store.close();
  }
}

async function carryOut(
  database: DatabaseConfig,
  replica: ReplicaConfig,
  store: ObjectStore,
  admit: () => Promise<unknown>,
  signal: AbortSignal,
): Promise<{ readonly plan: ReplicaPlan; readonly undeleted: readonly string[] }> {
  const plan = await planFor(database, replica, store, signal);
  if (plan.ltx.going.length + plan.legacy.keys.length === 0) return { plan, undeleted: [] };
  const sweep = new RetentionSweep(store, replica.retention.checkInterval, Number.POSITIVE_INFINITY);
  await sweep.carryOut(plan.ltx, new HeldFiles(), admit, signal);
  await sweep.deleteLegacy(plan.legacy, admit, signal);
  return { plan, undeleted: await sweep.look(wallClock(), admit, signal) };
}

async function planFor(
  { compaction }: DatabaseConfig,
  { retention }: ReplicaConfig,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<ReplicaPlan> {
  const lease = await findLease(store.conditional(LEASE_KEY), leaseUrl(store), signal);
  const takeovers = lease.kind === 'found' ? (lease.record.station?.takeovers ?? []) : [];
  const held = heldFilesOf(await takeInventory(store, signal));
  await settleTimes(store, held, compaction.levels, signal);
  const policy = {
    duration: retention.duration,
    grace: retention.grace ?? GRACE,
    level0Duration: compaction.level0Retention,
    grain: grainOf(compaction.levels),
    level0KeptFrom: keepLevel0From(takeovers, wallClock()),
  };
  const generations = await listWholeGenerations(store, Number.POSITIVE_INFINITY, signal);
  const unreadable = new Map();
  const now = wallClock();
  const legacy = await planOldBackupsForSure(store, generations, held, unreadable, retention, now, signal);
  return { ltx: planRetention(held, policy, now), legacy };
}

/** @throws StationError LEASE_HELD where another instance has it; what the store and `work` throw */
async function underLease<T>(
  store: ObjectStore,
  signal: AbortSignal,
  work: (admit: () => Promise<unknown>) => Promise<T>,
): Promise<T> {
  const nothing = () => undefined;
  const lease = new Lease({
    object: store.conditional(LEASE_KEY),
    url: leaseUrl(store),
    me: { disk: randomUUID(), place: undefined, owner: `${hostname()}:${process.pid}`, service: undefined },
    duration: LEASE_DURATION,
    decides: false,
    clock: () => ({ wall: wallClock(), monotonic: monotonicClock() }),
    newNonce: randomUUID,
    events: { acquired: nothing, renewalFailed: nothing, requested: nothing, vanished: nothing, lost: nothing },
  });
  const judgement = await lease.look(signal);
  if (judgement.kind === 'held' || !(await lease.take(signal))) {
    const holder = lease.record === undefined ? 'another instance' : describeHolder(lease.record, wallClock());
    throw new StationError('LEASE_HELD', `${leaseUrl(store)}: it is kept in shape by ${holder}`, {
      hint: 'a running instance deletes by itself what is no longer promised; --dry-run tells what that is',
    });
  }
  try {
    return await work(() => lease.admit(signal));
  } finally {
    await lease.release('released', signal).catch(nothing);
  }
}

function leaseUrl(store: ObjectStore): string {
  return `${store.url.replace(/\/$/, '')}/${LEASE_KEY}`;
}
