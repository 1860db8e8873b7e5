import { resolve } from 'node:path';
import type { Config, DatabaseConfig, DatabaseFolderConfig } from '../config/config.ts';
import { folderAsDatabase } from '../config/folder-database.ts';
import { StationError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { redact } from '../observe/redact.ts';
import { setUserVariables, withRightsOf } from '../privileges/become-user.ts';
import { chooseUser } from '../privileges/choose-user.ts';
import { checkFolders, settleAs } from '../privileges/settle-in.ts';
import { warnOfUnableParent } from '../privileges/signals-from-parent.ts';
import { milliseconds } from '../quantities.ts';
import type { ReplicationSettings } from '../replication/replication-settings.ts';
import { planStopBudget } from '../supervisor/budget.ts';
import { monotonicClock } from '../supervisor/clock.ts';
import { createEphemeralReplication } from '../supervisor/ephemeral-replication.ts';
import { detectPlatform } from '../supervisor/platform.ts';
import type { Replication } from '../supervisor/replication-port.ts';
import { neverRestart } from '../supervisor/restart-policy.ts';
import { unchangedSignals } from '../supervisor/signal-map.ts';
import { supervise } from '../supervisor/supervise.ts';
import { childEnvironment } from './child-environment.ts';
import { type Health, openHealth } from './health.ts';
import { LEASE_DURATION } from './lease-duration.ts';
import { findDatabase, namesIn, openLog, readSettingsOf, replicaAt, secretsIn } from './load.ts';
import { chooseCommand, type RunOptions } from './run-options.ts';
import { version } from './version.ts';

/** A replica may take this long to say what it holds where there is no database, */
const RESTORE_TIMEOUT = milliseconds(30_000);
/** and this long where there is one: the child waits for it, and the replica can be asked again later. */
const LOOK_TIMEOUT = milliseconds(3_000);
const LEASE_TIMEOUT = milliseconds(60_000);

interface LaunchConditions {
  /** The soft limit of open files that the command gets; undefined: our own. */
  readonly openFiles: number | undefined;
}

/** The main job: restore, start the child, replicate beside it, drain. Resolves to the exit status. */
export async function runCommand(options: RunOptions & LaunchConditions): Promise<number> {
  const user = options.user === undefined ? undefined : chooseUser(options.user);
  if (user !== undefined) setUserVariables(process.env, user);
  const { config, chosen, command } = withRightsOf(user, () => readSettings(options));
  const { databases, folders } = chosen;
  if (user !== undefined) settleAs(user, databases, folders);
  const settings = settingsIn(chosen);
  const log = openLog(config, settings);
  if (user !== undefined) warnOfUnableParent(log);
  checkFolders(databases, config.source === undefined && options.database === undefined, log, folders);
  for (const note of config.notes) log[note.level === 'WARN' ? 'warn' : 'info'](note.message, { where: note.where });
  const health = openHealth(options.listen ?? config.listen, secretsIn(settings), log);
  const replication = await openReplication(options, config, chosen, health, log);
  return await supervise({
    isLast: true,
    command,
    environment: childEnvironment(options.scrubEnvironment ?? false, settings, log),
    openFiles: options.openFiles,
    budget: planStopBudget(detectPlatform(process.env), options.stopTimeout),
    signalMap: options.signalMap ?? unchangedSignals,
    restart: options.restart ?? neverRestart,
    readyCheck: options.readyCheck,
    startupTimeout: options.startupTimeout,
    replication,
    log,
    onLife: health.onLife,
  });
}

function readSettings(options: RunOptions) {
  const config = readSettingsOf(options, options.database);
  return { config, chosen: chooseDatabases(config, options), command: chooseCommand(options, config.exec) };
}

type Chosen = Pick<Config, 'databases' | 'folders'>;

/**
 * The databases to replicate: those of the config, or the one `--database` names, which may be of a folder.
 * @throws StationError USAGE where the config has no such database
 */
function chooseDatabases(config: Config, options: RunOptions): Chosen {
  const named = options.database === undefined ? config : { databases: databaseAt(config, options), folders: [] };
  if (options.replicaUrls.length === 0) return named;
  const replicas = options.replicaUrls.map((url, index) => {
    const replica = replicaAt(url);
    return index === 0 ? replica : { ...replica, name: `${replica.name}-${index + 1}` };
  });
  const given = { replicas, notConfigured: [] };
  return {
    databases: named.databases.map((one) => ({ ...one, ...given })),
    folders: named.folders.map((one): DatabaseFolderConfig => ({ ...one, template: { ...one.template, ...given } })),
  };
}

/** With those of folders, whose databases are not known yet: what holds for all of them holds for each. */
function settingsIn({ databases, folders }: Chosen): readonly DatabaseConfig[] {
  return [...databases, ...folders.map(folderAsDatabase)];
}

function databaseAt(config: Config, { database = '' }: RunOptions): readonly DatabaseConfig[] {
  const path = resolve(database);
  const found = findDatabase(config, path);
  if (found !== undefined) return [found];
  throw new StationError('USAGE', `${config.source ?? 'the environment'} has no database ${path}`, {
    hint: `it has: ${namesIn(config)}`,
  });
}

async function openReplication(
  options: RunOptions,
  config: Config,
  chosen: Chosen,
  health: Health,
  log: Log,
): Promise<Replication> {
  const settings = settingsIn(chosen);
  for (const { path, notConfigured } of settings) {
    for (const { name, variables } of notConfigured) {
      log.warn('replica is not configured: it is left out', { db: path, replica: name, unset: variables.join(',') });
    }
  }
  const databases = chosen.databases.filter(({ replicas }) => replicas.length > 0);
  const folders = chosen.folders.filter(({ template }) => template.replicas.length > 0);
  if (databases.length === 0 && folders.length === 0) {
    if (options.requireReplica === true) {
      throw new StationError('REPLICA_REQUIRED', 'no replica is configured', {
        hint: `set one of ${config.replicaVariables.join(', ')}, or start without --require-replica`,
      });
    }
    return createEphemeralReplication(log, config.replicaVariables);
  }
  // Loaded when needed: ephemeral mode starts without SQLite.
  const { createReplication } = await import('../replication/replication.ts');
  return createReplication({
    databases,
    folders,
    settings: settingsOf(options, health),
    drainRequire: options.drainRequire ?? 'one',
    drainAtMost: config.shutdown.syncTimeout,
    control: { socket: config.socket, version, clean: (text) => redact(text, secretsIn(settings)) },
    log,
    clocks: { wall: () => milliseconds(Date.now()), monotonic: monotonicClock, random: Math.random },
  });
}

function settingsOf(options: RunOptions, health: Health): ReplicationSettings {
  return {
    restore: { quorum: options.restoreQuorum ?? 'any', from: options.restoreFrom },
    restoreTimeout: options.restoreTimeout ?? RESTORE_TIMEOUT,
    lookTimeout: LOOK_TIMEOUT,
    onConflict: options.onConflict ?? 'stop',
    integrity: options.integrityCheck ?? 'quick',
    integrityMaxBytes: options.integrityCheckMaxBytes,
    lease:
      options.lease === 'off'
        ? { kind: 'off' }
        : {
            kind: 'on',
            duration: options.leaseDuration ?? LEASE_DURATION,
            takeover: options.takeover,
            timeout: options.leaseTimeout ?? LEASE_TIMEOUT,
            environment: process.env,
            waiting: health.onLeaseWait,
          },
  };
}
