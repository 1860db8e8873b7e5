import { type ListenAddress, parseListenAddress } from '../config/listen-address.ts';
import { StationError } from '../errors.ts';
import { parseReadyUrl, type ReadyCheck } from '../supervisor/ready-check.ts';
import { parseRestartPolicy } from '../supervisor/restart-policy.ts';
import { parseSignalMap } from '../supervisor/signal-map.ts';
import { type ArgumentContext, commonOf } from './common-arguments.ts';
import { type GivenOptions, parseOptions } from './given-options.ts';
import { checkLeaseDuration } from './lease-duration.ts';
import { replicateOptions, runOptions } from './option-table.ts';
import type { RunOptions } from './run-options.ts';

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
