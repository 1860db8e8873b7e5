import { StationError } from '../errors.ts';
import { type ArgumentContext, commonOf, onlyOperand } from './common-arguments.ts';
import { parseOptions } from './given-options.ts';
import { checkLeaseDuration } from './lease-duration.ts';
import { costOptions, doctorOptions, leaseOptions, restoreOptions, retentionOptions } from './option-table.ts';
import type { CostOptions, DoctorOptions, LeaseOptions, RestoreOptions, RetentionOptions } from './run-options.ts';

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
  const usage = 'doctor takes one database path or replica URL, or nothing';
  const subject = onlyOperand(given.operands, usage, 'with nothing it probes every replica of the config');
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
  const usage = 'lease takes one database path or replica URL, or nothing';
  const subject = onlyOperand(given.operands, usage, 'with nothing it shows the lease of every replica of the config');
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
  const usage = 'retention takes one database path, or nothing';
  const subject = onlyOperand(given.operands, usage, 'with nothing it looks at every replica of the config');
  return {
    ...commonOf(given, context),
    subject,
    dryRun: given.switch('dryRun') ?? false,
    json: given.switch('json') ?? false,
  };
}
