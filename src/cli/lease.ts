import { resolve } from 'node:path';
import type { DatabaseConfig, ReplicaConfig } from '../config/config.ts';
import { StationError, toStationError } from '../errors.ts';
import { LEASE_KEY } from '../lease/lease-record.ts';
import { breakLease, describeFound, type FoundLease, findLease } from '../lease/look-at-lease.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import { openStore } from '../storage/open-store.ts';
import { readConfig, replicaAt } from './load.ts';
import type { LeaseOptions } from './run-options.ts';

/** How long one replica may take to answer. */
const PATIENCE = 10_000;

interface ReplicaLease {
  readonly database: string | undefined;
  readonly replica: string;
  readonly url: string;
  readonly found: FoundLease | undefined;
  readonly error: StationError | undefined;
  readonly isBroken: boolean;
}

/**
 * Shows who holds the lease of each replica; with `--break`, marks each as free. Resolves to the exit status: that of the
 * first replica that could not be read, or whose lease could not be broken.
 */
export async function leaseCommand(options: LeaseOptions): Promise<number> {
  const now = milliseconds(Date.now());
  const leases = await Promise.all(
    chooseReplicas(options).map(({ database, replica }) => lookAt(database, replica, options.break, now)),
  );
  const text = options.json ? JSON.stringify(leases.map((lease) => toJson(lease, now))) : toText(leases, now);
  process.stdout.write(`${text}\n`);
  return leases.find(({ error }) => error !== undefined)?.error?.exitStatus ?? 0;
}

interface Choice {
  readonly database: string | undefined;
  readonly replica: ReplicaConfig;
}

function chooseReplicas(options: LeaseOptions): readonly Choice[] {
  const { subject } = options;
  if (subject !== undefined && /^[a-z][a-z0-9+.-]*:/i.test(subject)) {
    return [{ database: undefined, replica: replicaAt(subject) }];
  }
  const config = readConfig(options);
  for (const { level, where, message } of config.notes) process.stderr.write(`${level}: ${where}: ${message}\n`);
  const databases = chooseDatabases(config.databases, config.source ?? 'the environment', subject);
  const found = databases.flatMap(({ path, replicas }) => replicas.map((replica) => ({ database: path, replica })));
  if (found.length === 0) {
    throw new StationError('REPLICA_REQUIRED', 'no replica is configured: there is no lease', {
      hint: `set one of ${config.replicaVariables.join(', ')}, or name a replica by its URL`,
    });
  }
  return found;
}

function chooseDatabases(
  databases: readonly DatabaseConfig[],
  source: string,
  path: string | undefined,
): readonly DatabaseConfig[] {
  if (path === undefined) return databases;
  const found = databases.filter((database) => database.path === resolve(path));
  if (found.length > 0) return found;
  const known = databases.map((database) => database.path).join(', ');
  throw new StationError('USAGE', `${source} has no database ${resolve(path)}`, {
    hint: `it has: ${known || 'none'}; or name a replica by its URL, as in s3://bucket/path`,
  });
}

async function lookAt(
  database: string | undefined,
  { name, store: where }: ReplicaConfig,
  isToBreak: boolean,
  now: Milliseconds,
): Promise<ReplicaLease> {
  const store = await openStore(where);
  const url = `${store.url.replace(/\/$/, '')}/${LEASE_KEY}`;
  const about = { database, replica: name, url };
  const signal = AbortSignal.timeout(PATIENCE);
  try {
    const object = store.conditional(LEASE_KEY);
    const found = await findLease(object, url, signal);
    const isTaken =
      found.kind === 'unreadable' || (found.kind === 'found' && found.record.station?.state !== 'released');
    const isBroken = isToBreak && isTaken;
    if (isBroken) await breakLease(object, url, found, now, signal);
    const error = found.kind === 'unreadable' && !isBroken ? found.error : undefined;
    return { ...about, found, error, isBroken };
  } catch (thrown) {
    const late = new StationError('STORAGE_UNREACHABLE', `${url} did not answer within ${PATIENCE / 1000} s`);
    const error = signal.aborted ? late : toStationError(thrown);
    return { ...about, found: undefined, error, isBroken: false };
  } finally {
    await store.close();
  }
}

function toText(leases: readonly ReplicaLease[], now: Milliseconds): string {
  const lines = leases.flatMap(({ database, replica, found, error, isBroken }) => {
    const where = database === undefined ? replica : `${database} ${replica}`;
    const what = found === undefined ? `unknown: ${error?.message}` : describeFound(found, now);
    const broken = `  broken: whoever starts next takes it at once; if that holder is alive, it stops with 76`;
    const hint = error === undefined ? [] : [`  hint: ${error.hint}`];
    return [`${where}: ${what}`, ...(isBroken ? [broken] : hint)];
  });
  return lines.join('\n');
}

function toJson({ database, replica, url, found, error, isBroken }: ReplicaLease, now: Milliseconds) {
  const record = found?.kind === 'found' ? found.record : undefined;
  const station = record?.station;
  const isHeld = record !== undefined && (station === undefined || station.state === 'held') && record.expiresAt > now;
  return {
    ...(database !== undefined && { database }),
    replica,
    url,
    state: found === undefined ? 'unknown' : found.kind === 'found' ? (isHeld ? 'held' : 'free') : found.kind,
    owner: record?.owner ?? null,
    service: station?.service ?? null,
    generation: record?.generation ?? null,
    acquired_at: station === undefined ? null : new Date(station.acquiredAt).toISOString(),
    expires_at: record === undefined ? null : new Date(record.expiresAt).toISOString(),
    released: station === undefined ? null : station.state !== 'held',
    requested_by: station?.request?.owner ?? null,
    broken: isBroken,
    error: error === undefined ? null : { code: error.code, message: error.message, hint: error.hint },
  };
}
