import { type ListenAddress, parseListenAddress } from '../config/listen-address.ts';
import { StationError } from '../errors.ts';
import type { LogLevel } from '../observe/log.ts';
import { parseReadyUrl, type ReadyCheck } from '../supervisor/ready-check.ts';
import { parseRestartPolicy } from '../supervisor/restart-policy.ts';
import { parseSignalMap } from '../supervisor/signal-map.ts';
import { type GivenOptions, parseOptions } from './given-options.ts';
import { checkLeaseDuration } from './lease-duration.ts';
import {
  type commonOptions,
  costOptions,
  doctorOptions,
  leaseOptions,
  replicateOptions,
  restoreOptions,
  retentionOptions,
  runOptions,
} from './option-table.ts';
import type {
  CommonOptions,
  CostOptions,
  DoctorOptions,
  InvokedAs,
  LeaseOptions,
  RestoreOptions,
  RetentionOptions,
  RunOptions,
} from './run-options.ts';

/** What surrounds a command line. */
export interface ArgumentContext {
  readonly invokedAs: InvokedAs;
  /** A look into the environment: `environmentLookup`. */
  readonly lookup: (name: string) => string | undefined;
}

/** `run [options] [--] COMMAND [ARG…]`. Throws USAGE, CONFIG_ENVIRONMENT, HelpRequested. */
export function parseRun(words: readonly string[], context: ArgumentContext): RunOptions {
  const given = parseOptions(runOptions, {
    ...context,
    verb: 'run',
    words,
    operands: '[command...]',
    stopAtOperand: true,
  });
  const command = given.operands.length > 0 ? given.operands : commandOfEnvironment(context);
  return { ...commonOf(given, context), ...runSettings(given), command, commandRequired: true, replicaUrls: [] };
}

/** `replicate [options] [DB_PATH REPLICA_URL…]`, Litestream's form of `run`. Throws as `parseRun` does. */
export function parseReplicate(words: readonly string[], context: ArgumentContext): RunOptions {
  const given = parseOptions(replicateOptions, {
    ...context,
    verb: 'replicate',
    words,
    operands: '[db-path-and-replica-urls...]',
    stopAtOperand: false,
  });
  const [database, ...replicaUrls] = given.operands;
  if (database !== undefined && (replicaUrls.length === 0 || !replicaUrls.every((url) => url.includes('://')))) {
    throw new StationError('USAGE', 'replicate takes DB_PATH REPLICA_URL…, or nothing', {
      hint: 'a command to supervise goes into -exec, or after "run --"',
    });
  }
  const exec = given.text('exec');
  const settings = runSettings(given);
  return {
    ...commonOf(given, context),
    ...settings,
    database: database ?? settings.database,
    replicaUrls,
    command: exec === undefined ? commandOfEnvironment(context) : shellCommand(exec),
    commandRequired: false,
  };
}

/** `restore [options] DB_PATH|REPLICA_URL`. Throws as `parseRun` does. */
export function parseRestore(words: readonly string[], context: ArgumentContext): RestoreOptions {
  const given = parseOptions(restoreOptions, {
    ...context,
    verb: 'restore',
    words,
    operands: '[db-path-or-replica-url...]',
    stopAtOperand: false,
  });
  const [source, ...others] = given.operands;
  if (source === undefined || others.length > 0) {
    throw new StationError('USAGE', 'restore takes one database path or replica URL', {
      hint: 'for example: restore -config litestream.yml -timestamp 2026-01-15T14:30:00Z /data/station.db',
    });
  }
  const common = commonOf(given, context);
  return {
    ...common,
    logLevel: common.logLevel ?? (given.switch('verbose') === true ? 'DEBUG' : undefined),
    source,
    output: given.text('output'),
    replica: given.text('replica'),
    ifDbNotExists: given.switch('ifDbNotExists') ?? false,
    ifReplicaExists: given.switch('ifReplicaExists') ?? false,
    timestamp: given.text('timestamp'),
    generation: given.text('generation'),
    index: given.text('index'),
    txid: given.text('txid'),
    dryRun: given.switch('dryRun') ?? false,
    force: given.switch('force') ?? false,
    json: given.switch('json') ?? false,
    integrityCheck: given.choice('integrityCheck', ['none', 'quick', 'full']),
    parallelism: given.count('parallelism'),
  };
}

/** `cost [options]`. Throws as `parseRun` does. */
export function parseCost(words: readonly string[], context: ArgumentContext): CostOptions {
  const given = parseOptions(costOptions, {
    ...context,
    verb: 'cost',
    words,
    operands: '[nothing...]',
    stopAtOperand: false,
  });
  if (given.operands.length > 0) {
    throw new StationError('USAGE', `cost takes options only, not "${given.operands.join(' ')}"`);
  }
  return {
    ...commonOf(given, context),
    size: given.size('size'),
    syncSize: given.size('syncSize'),
    lease: given.choice('lease', ['on', 'off']),
    leaseDuration: checkLeaseDuration(given.duration('leaseDuration')),
    json: given.switch('json') ?? false,
  };
}

/** `doctor [options] [DB_PATH|REPLICA_URL]`. Throws as `parseRun` does. */
export function parseDoctor(words: readonly string[], context: ArgumentContext): DoctorOptions {
  const given = parseOptions(doctorOptions, {
    ...context,
    verb: 'doctor',
    words,
    operands: '[db-path-or-replica-url...]',
    stopAtOperand: false,
  });
  const [subject, ...others] = given.operands;
  if (others.length > 0) {
    throw new StationError('USAGE', 'doctor takes one database path or replica URL, or nothing', {
      hint: 'with nothing it probes every replica of the config',
    });
  }
  return { ...commonOf(given, context), subject, json: given.switch('json') ?? false };
}

/** `lease [options] [DB_PATH|REPLICA_URL]`. Throws as `parseRun` does. */
export function parseLeaseOptions(words: readonly string[], context: ArgumentContext): LeaseOptions {
  const given = parseOptions(leaseOptions, {
    ...context,
    verb: 'lease',
    words,
    operands: '[db-path-or-replica-url...]',
    stopAtOperand: false,
  });
  const [subject, ...others] = given.operands;
  if (others.length > 0) {
    throw new StationError('USAGE', 'lease takes one database path or replica URL, or nothing', {
      hint: 'with nothing it shows the lease of every replica of the config',
    });
  }
  return {
    ...commonOf(given, context),
    subject,
    break: given.switch('break') ?? false,
    json: given.switch('json') ?? false,
  };
}

/** `retention [options] [DB_PATH]`. Throws as `parseRun` does. */
export function parseRetention(words: readonly string[], context: ArgumentContext): RetentionOptions {
  const given = parseOptions(retentionOptions, {
    ...context,
    verb: 'retention',
    words,
    operands: '[db-path...]',
    stopAtOperand: false,
  });
  const [subject, ...others] = given.operands;
  if (others.length > 0) {
    throw new StationError('USAGE', 'retention takes one database path, or nothing', {
      hint: 'with nothing it looks at every replica of the config',
    });
  }
  return {
    ...commonOf(given, context),
    subject,
    dryRun: given.switch('dryRun') ?? false,
    json: given.switch('json') ?? false,
  };
}

export function commonOf(
  given: GivenOptions<keyof typeof commonOptions>,
  { invokedAs }: ArgumentContext,
): CommonOptions {
  const level = given.choice('logLevel', ['debug', 'info', 'warn', 'error']);
  return {
    invokedAs,
    config: given.text('config'),
    noExpandEnvironment: given.switch('noExpandEnvironment') ?? false,
    logFormat: given.choice('logFormat', ['logfmt', 'json', 'pretty']),
    logLevel: level?.toUpperCase() as LogLevel | undefined,
  };
}

function runSettings(given: GivenOptions<keyof typeof runOptions>) {
  return {
    database: given.text('database'),
    user: given.text('user'),
    stopTimeout: given.duration('stopTimeout'),
    signalMap: given.parsed('signalMap', parseSignalMap),
    restart: given.parsed('restart', parseRestartPolicy),
    ...readinessSettings(given),
    listen: given.parsed('listen', listenAddress),
    scrubEnvironment: given.switch('scrubEnvironment'),
    drainRequire: given.choice('drainRequire', ['one', 'all']),
    requireReplica: given.switch('requireReplica'),
    restoreFrom: given.text('restoreFrom'),
    restoreTimeout: given.duration('restoreTimeout'),
    restoreQuorum: given.choice('restoreQuorum', ['any', 'all']),
    onConflict: given.choice('onConflict', ['stop', 'keep-local', 'use-replica']),
    integrityCheck: given.choice('integrityCheck', ['none', 'quick', 'full']),
    integrityCheckMaxBytes: given.size('integrityCheckMaxBytes'),
    lease: given.choice('lease', ['on', 'off']),
    leaseDuration: checkLeaseDuration(given.duration('leaseDuration')),
    leaseTimeout: given.duration('leaseTimeout'),
    takeover: given.choice('takeover', ['wait', 'handover', 'refuse']),
  };
}

/** How to know that the command is up: by one way at most, and with none there is nothing that could be late. */
function readinessSettings(given: GivenOptions<keyof typeof runOptions>) {
  const url = given.parsed('readyUrl', parseReadyUrl);
  const command = given.text('readyCommand');
  const startupTimeout = given.duration('startupTimeout');
  if (url !== undefined && command !== undefined) {
    throw new StationError('USAGE', '--ready-url and --ready-command are both given', { hint: 'give one of the two' });
  }
  const readyCheck: ReadyCheck | undefined = command === undefined ? url : { kind: 'command', command };
  if (startupTimeout !== undefined && readyCheck === undefined) {
    throw new StationError('USAGE', '--startup-timeout needs a way to know that the command is up', {
      hint: 'add --ready-url or --ready-command',
    });
  }
  return { readyCheck, startupTimeout };
}

function listenAddress(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (address !== undefined) return address;
  throw new StationError('USAGE', `"${text}" is no address to listen on`, { hint: 'write :9090 or 127.0.0.1:9090' });
}

function commandOfEnvironment({ lookup }: ArgumentContext): readonly string[] {
  const text = lookup('STATION_COMMAND') ?? '';
  return text.trim() === '' ? [] : shellCommand(text);
}

/**
 * A command given as one text is read by the shell, as Docker reads the shell form of CMD: quotes, variables and `&&`
 * mean what people expect. Signals reach what the shell starts, because they go to the whole process group.
 */
function shellCommand(text: string): readonly string[] {
  return ['/bin/sh', '-c', text];
}
