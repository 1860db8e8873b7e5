import { resolve } from 'node:path';
import type { DatabaseConfig, LoggingConfig, ReplicaConfig } from '../config/config.ts';
import { isStationError, StationError } from '../errors.ts';
import { parseTxid } from '../ltx/file-name.ts';
import { parseTimestamp } from '../ltx/timestamp.ts';
import { bytes, type Milliseconds, milliseconds } from '../quantities.ts';
import { moveDatabaseAside } from '../replication/staging/set-aside.ts';
import { restoreLog } from '../replication/start/restore-log.ts';
import { openRestorePlace, type RestorePlace } from '../replication/start/restore-place.ts';
import { inspectLocalDatabase } from '../restore/local-database.ts';
import { previewRestore, restoreDatabase } from '../restore/restore.ts';
import type { RestoreRequest } from '../restore/restore-options.ts';
import type { NamedReplica, RestoreTarget } from '../restore/restore-target.ts';
import { openStore } from '../storage/open-store.ts';
import { findDatabase, namesIn, openLog, readSettingsOf, replicaAt } from './load.ts';
import { previewLines, previewWarnings, restoredJson, restoredLines } from './restore-report.ts';
import type { RestoreOptions } from './run-options.ts';

/** A restore by hand is proven whole, whatever its size: nobody waits for a child. */
const NO_LIMIT = bytes(Number.MAX_SAFE_INTEGER);

interface RestoreSource {
  readonly replicas: readonly ReplicaConfig[];
  readonly output: string;
  readonly logging: LoggingConfig;
  readonly database: DatabaseConfig | undefined;
}

/** Restores one database, by its path in the config or by a replica's URL. Resolves to the exit status. */
export async function restoreCommand(options: RestoreOptions): Promise<number> {
  const source = findSource(options);
  const log = openLog(source, source.database ? [source.database] : []);
  const { output } = source;
  if (!options.dryRun && (await outputStands(options, output))) {
    process.stdout.write(`${output} exists already: nothing to do\n`);
    return 0;
  }
  const stores = await Promise.all(
    source.replicas.map(async ({ name, store }) => ({ name, store: await openStore(store) })),
  );
  const abort = new AbortController();
  const stop = (signal: NodeJS.Signals) =>
    abort.abort(new StationError('RESTORE_NOT_AVAILABLE', `stopped by ${signal}`));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const request: RestoreRequest = {
    replicas: stores,
    target: targetOf(options),
    policy: { quorum: 'any', from: options.replica },
    events: restoreLog(log.with({ db: output })),
    signal: abort.signal,
  };
  try {
    if (options.dryRun) return await preview(options, request);
    const place = await openRestorePlace(output, source.database, log);
    try {
      return await restore(options, request, output, place);
    } finally {
      place.close();
    }
  } finally {
    await closeAll(stores);
  }
}

async function restore(
  options: RestoreOptions,
  request: RestoreRequest,
  output: string,
  place: RestorePlace,
): Promise<number> {
  let aside: readonly string[] = [];
  const outcome = await restoreDatabase({
    ...request,
    output,
    overwrite: options.force,
    checksumFile: place.checksumFile,
    integrity: { mode: options.integrityCheck ?? 'quick', maxBytes: NO_LIMIT },
    ...(options.parallelism !== undefined && { parallelism: options.parallelism }),
    beforePublish: async (proven) => {
      if (options.force) aside = await moveDatabaseAside(output, new Date());
      await place.adopt(proven);
    },
  });
  if (outcome.kind === 'empty') return nothingThere(options, request.replicas);
  if (options.json) process.stdout.write(`${JSON.stringify(restoredJson(outcome, output, aside))}\n`);
  else process.stdout.write(`${restoredLines(outcome, output, aside).join('\n')}\n`);
  return 0;
}

async function preview(options: RestoreOptions, request: RestoreRequest): Promise<number> {
  const { choice, reports } = await previewRestore(request);
  if (choice.kind === 'stop') {
    process.stdout.write(`${choice.reasons.join('\n')}\n`);
    throw choice.error;
  }
  if (choice.kind === 'empty') return nothingThere(options, request.replicas);
  const plan = reports.find((report) => report.replica.name === choice.replica)?.plan;
  const warnings = previewWarnings(choice, reports);
  if (options.json) process.stdout.write(`${JSON.stringify({ ...choice, warnings, plan }, bigintAsHex)}\n`);
  else process.stdout.write(`${previewLines(choice, warnings, plan).join('\n')}\n`);
  return 0;
}

/** @throws StationError RESTORE_NOT_AVAILABLE, unless asked not to mind */
function nothingThere(options: RestoreOptions, replicas: readonly NamedReplica[]): number {
  const where = replicas.map((replica) => replica.store.url).join(', ');
  if (!options.ifReplicaExists) throw new StationError('RESTORE_NOT_AVAILABLE', `no backup found in ${where}`);
  process.stdout.write(`no backup found in ${where}: nothing to do\n`);
  return 0;
}

/** True where the output exists and that is to be left alone. @throws StationError RESTORE_OUTPUT_EXISTS */
async function outputStands(options: RestoreOptions, output: string): Promise<boolean> {
  const exists = await somethingStandsAt(output);
  if (!exists || options.force) return false;
  if (options.ifDbNotExists) return true;
  throw new StationError('RESTORE_OUTPUT_EXISTS', `${output} exists already`, {
    hint: 'name another file with -o, or add -force to keep the old file aside under another name',
  });
}

async function somethingStandsAt(output: string): Promise<boolean> {
  try {
    return (await inspectLocalDatabase(output)).kind === 'database';
  } catch (error) {
    if (isStationError(error, 'DATABASE_INVALID')) return true;
    throw error;
  }
}

function findSource(options: RestoreOptions): RestoreSource {
  if (isUrl(options.source)) return sourceFromUrl(options);
  const config = readSettingsOf(options);
  const path = resolve(options.source);
  const database = findDatabase(config, path);
  if (database === undefined) {
    throw new StationError('USAGE', `${config.source ?? 'the environment'} has no database ${path}`, {
      hint: `it has: ${namesIn(config)}; or name a replica by its URL, as in file:///backup/station-db`,
    });
  }
  if (database.replicas.length === 0)
    throw new StationError('REPLICA_REQUIRED', `no replica is configured for ${path}`);
  // Stdout is for what was asked: a line, or JSON.
  const logging: LoggingConfig = { ...config.logging, stream: 'stderr' };
  return { replicas: database.replicas, output: resolve(options.output ?? path), logging, database };
}

function sourceFromUrl(options: RestoreOptions): RestoreSource {
  if (options.output === undefined) {
    throw new StationError('USAGE', 'a restore by replica URL needs the path of the file to write', {
      hint: 'add -o FILE',
    });
  }
  const logging: LoggingConfig = {
    level: options.logLevel ?? 'INFO',
    format: options.logFormat ?? 'logfmt',
    stream: 'stderr',
  };
  return { replicas: [replicaAt(options.source)], output: resolve(options.output), logging, database: undefined };
}

function isUrl(source: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(source);
}

/** @throws StationError USAGE */
function targetOf(options: RestoreOptions): RestoreTarget {
  const { txid, timestamp } = options;
  if (options.generation !== undefined || options.index !== undefined) return legacyTargetOf(options);
  if (txid !== undefined && timestamp !== undefined) {
    throw new StationError('USAGE', 'a restore goes to a TXID or to a timestamp, not to both');
  }
  if (txid !== undefined) {
    const parsed = parseTxid(txid.toLowerCase().padStart(16, '0'));
    if (parsed === undefined) throw new StationError('USAGE', `"${txid}" is not a TXID: up to 16 hexadecimal digits`);
    return { kind: 'txid', txid: parsed };
  }
  return timestamp === undefined ? { kind: 'newest' } : { kind: 'timestamp', timestamp: momentOf(timestamp) };
}

/** @throws StationError USAGE */
function momentOf(timestamp: string): Milliseconds {
  const moment = parseTimestamp(timestamp);
  if (moment === undefined) {
    throw new StationError('USAGE', `"${timestamp}" is not a moment in RFC 3339, as in 2024-01-15T14:30:00Z`);
  }
  return milliseconds(moment);
}

/** @throws StationError USAGE */
function legacyTargetOf({ generation, index, txid, timestamp }: RestoreOptions): RestoreTarget {
  if (txid !== undefined) {
    throw new StationError('USAGE', 'a TXID is of LTX files, -generation and -index are of Litestream 0.3 backups');
  }
  if (generation !== undefined && !/^[0-9a-f]{16}$/.test(generation)) {
    throw new StationError('USAGE', `"${generation}" is not a generation: 16 hexadecimal digits`);
  }
  if (index !== undefined && !/^[0-9a-f]{1,8}$/i.test(index)) {
    throw new StationError('USAGE', `"${index}" is not a WAL index: up to 8 hexadecimal digits`);
  }
  return {
    kind: 'litestream-0.3',
    generation,
    index: index === undefined ? undefined : Number.parseInt(index, 16),
    timestamp: timestamp === undefined ? undefined : momentOf(timestamp),
  };
}

function bigintAsHex(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString(16).padStart(16, '0') : value;
}

async function closeAll(replicas: readonly NamedReplica[]): Promise<void> {
  await Promise.all(replicas.map(({ store }) => store.close()));
}
