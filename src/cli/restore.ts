import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { LoggingConfig, ReplicaConfig } from '../config/config.ts';
import { isStationError, StationError } from '../errors.ts';
import { parseTxid } from '../ltx/file-name.ts';
import { bytes, type Txid } from '../quantities.ts';
import { fileBehind } from '../real-path.ts';
import { moveDatabaseAside } from '../replication/staging/set-aside.ts';
import { restoreLog } from '../replication/start/restore-log.ts';
import { openRestorePlace, type RestoreGoal, type RestorePlace } from '../replication/start/restore-place.ts';
import { inspectLocalDatabase } from '../restore/local-database.ts';
import { previewRestore, restoreDatabase } from '../restore/restore.ts';
import type { RestoreRequest } from '../restore/restore-options.ts';
import type { NamedReplica, RestoreTarget } from '../restore/restore-target.ts';
import { openStore } from '../storage/open-store.ts';
import { findDatabase, namesIn, openLog, readSettingsOf, replicaAt, warnOfNotes } from './load.ts';
import { parseMoment } from './moment.ts';
import { previewJson, previewLines, previewWarnings, restoredJson, restoredLines } from './restore-report.ts';
import type { RestoreOptions } from './run-options.ts';
import { stopSignals } from './stop-signals.ts';

/** A restore by hand is proven whole, whatever its size: nobody waits for a child. */
const NO_LIMIT = bytes(Number.MAX_SAFE_INTEGER);

interface RestoreSource extends RestoreGoal {
  readonly replicas: readonly ReplicaConfig[];
  readonly logging: LoggingConfig;
}

/** Restores one database, by its path in the config or by a replica's URL. Resolves to the exit status. */
export async function restoreCommand(options: RestoreOptions): Promise<number> {
  const target = targetOf(options);
  const source = findSource(options);
  const log = openLog(source, source.database ? [source.database] : []);
  const { output } = source;
  if (!options.dryRun && (await outputStands(options, output))) {
    return nothingToDo(options, output, 'exists', `${output} exists already`);
  }
  const stores = await Promise.all(
    source.replicas.map(async ({ name, store }) => ({ name, store: await openStore(store) })),
  );
  const request: RestoreRequest = {
    replicas: stores,
    target,
    policy: { quorum: 'any', from: options.replica },
    events: restoreLog(log.with({ db: output })),
    signal: stopSignals(),
  };
  try {
    if (options.dryRun) return await preview(options, request, output);
    const place = await openRestorePlace(source, log);
    try {
      return await restore(options, request, output, place);
    } finally {
      await place.close();
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
  if (outcome.kind === 'empty') return nothingThere(options, output, request.replicas);
  const integrityCheck = options.integrityCheck ?? 'quick';
  if (options.json) process.stdout.write(`${JSON.stringify(restoredJson(outcome, output, integrityCheck, aside))}\n`);
  else process.stdout.write(`${restoredLines(outcome, output, aside).join('\n')}\n`);
  return 0;
}

async function preview(options: RestoreOptions, request: RestoreRequest, output: string): Promise<number> {
  const { choice, reports } = await previewRestore(request);
  if (choice.kind === 'stop') {
    if (!options.json) process.stdout.write(`${choice.reasons.join('\n')}\n`);
    throw choice.error;
  }
  if (choice.kind === 'empty') return nothingThere(options, output, request.replicas);
  const plan = reports.find((report) => report.replica.name === choice.replica)?.plan;
  const warnings = previewWarnings(choice, reports);
  const planned = { choice, warnings, plan, source: options.source, output };
  if (options.json) process.stdout.write(`${JSON.stringify(previewJson(planned), undefined, 2)}\n`);
  else process.stdout.write(`${previewLines(planned).join('\n')}\n`);
  return 0;
}

/** What is no failure because it was said so beforehand. */
function nothingToDo(
  { json }: RestoreOptions,
  output: string,
  skipped: 'exists' | 'no-backup',
  message: string,
): number {
  process.stdout.write(json ? `${JSON.stringify({ db_path: output, skipped })}\n` : `${message}: nothing to do\n`);
  return 0;
}

/** @throws StationError RESTORE_NOT_AVAILABLE, unless asked not to mind */
function nothingThere(options: RestoreOptions, output: string, replicas: readonly NamedReplica[]): number {
  const where = replicas.map((replica) => replica.store.url).join(', ');
  if (options.ifReplicaExists) return nothingToDo(options, output, 'no-backup', `no backup found in ${where}`);
  throw new StationError('RESTORE_NOT_AVAILABLE', `no backup found in ${where}`, {
    hint: 'check bucket, folder and path: the place answers, and is empty',
  });
}

/** True where the output exists and that is to be left alone. @throws StationError RESTORE_OUTPUT_EXISTS */
async function outputStands(options: RestoreOptions, output: string): Promise<boolean> {
  refuseWhatIsNoFile(output);
  const exists = await somethingStandsAt(output);
  if (!exists || options.force) return false;
  if (options.ifDbNotExists) return true;
  throw new StationError('RESTORE_OUTPUT_EXISTS', `${output} exists already`, {
    hint: 'name another file with -o, or add -force to keep the old file aside under another name',
  });
}

/** A folder or a device is never moved aside. @throws StationError RESTORE_OUTPUT_EXISTS */
function refuseWhatIsNoFile(output: string): void {
  const found = statSync(output, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return;
  throw new StationError('RESTORE_OUTPUT_EXISTS', `${output} is ${found.isDirectory() ? 'a folder' : 'no file'}`, {
    hint: `name the file to write, as in -o ${join(found.isDirectory() ? output : '', 'station.db')}`,
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
  warnOfNotes(config);
  if (database.replicas.length === 0) {
    throw new StationError('REPLICA_REQUIRED', `no replica is configured for ${path}`, {
      hint: `set one of ${config.replicaVariables.join(', ')}, or name a replica by its URL, with -o FILE`,
    });
  }
  // Stdout is for what was asked: a line, or JSON.
  const logging: LoggingConfig = { ...config.logging, stream: 'stderr' };
  const output = outputOf(options.output ?? path);
  const replicas = replicasNamed(database.replicas, options.replica);
  return { replicas, output, logging, database, owner: findDatabase(config, output) };
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
  const replicas = replicasNamed([replicaAt(options.source)], options.replica);
  return { replicas, output: outputOf(options.output), logging, database: undefined, owner: undefined };
}

/** Where the file goes. @throws StationError USAGE */
function outputOf(path: string): string {
  if (path.endsWith('/'))
    throw new StationError('USAGE', `${path} names a folder`, { hint: `as in -o ${path}station.db` });
  return fileBehind(resolve(path));
}

/** The one that is asked for alone, so that nobody waits for another that is out of reach. @throws StationError USAGE */
function replicasNamed(replicas: readonly ReplicaConfig[], name: string | undefined): readonly ReplicaConfig[] {
  const named = replicas.filter((replica) => name === undefined || replica.name === name);
  if (named.length > 0) return named;
  const names = replicas.map((replica) => replica.name).join(', ');
  throw new StationError('USAGE', `there is no replica "${name}"`, { hint: `there are: ${names}` });
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
    return { kind: 'txid', txid: txidOf(txid) };
  }
  return timestamp === undefined ? { kind: 'newest' } : { kind: 'timestamp', timestamp: parseMoment(timestamp) };
}

/** @throws StationError USAGE */
function txidOf(text: string): Txid {
  const digits = text.toLowerCase().replace(/^0x/, '');
  const parsed = digits === '' ? undefined : parseTxid(digits.padStart(16, '0'));
  if (parsed !== undefined && parsed > 0) return parsed;
  throw new StationError('USAGE', `"${text}" is not a TXID: 1 to 16 hexadecimal digits, as in 00000000000004d2`, {
    hint: '"ltx" lists the TXIDs of a replica as they are taken here',
  });
}

/** @throws StationError USAGE */
function legacyTargetOf({ generation, index, txid, timestamp }: RestoreOptions): RestoreTarget {
  if (txid !== undefined) {
    throw new StationError('USAGE', 'a TXID is of LTX files, -generation and -index are of Litestream 0.3 backups');
  }
  if (generation !== undefined && !/^[0-9a-f]{16}$/i.test(generation)) {
    throw new StationError('USAGE', `"${generation}" is not a generation: 16 hexadecimal digits`, {
      hint: '"generations" lists them',
    });
  }
  if (index !== undefined && !/^[0-9a-f]{1,8}$/i.test(index)) {
    throw new StationError('USAGE', `"${index}" is not a WAL index: up to 8 hexadecimal digits`);
  }
  return {
    kind: 'litestream-0.3',
    generation: generation?.toLowerCase(),
    index: index === undefined ? undefined : Number.parseInt(index, 16),
    timestamp: timestamp === undefined ? undefined : parseMoment(timestamp),
  };
}

async function closeAll(replicas: readonly NamedReplica[]): Promise<void> {
  await Promise.all(replicas.map(({ store }) => store.close()));
}
