import { parseDuration } from '../config/duration.ts';
import { StationError } from '../errors.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { Effort } from '../verify/findings.ts';
import { type ArgumentContext, commonOf, onlyOperand } from './common-arguments.ts';
import { type GivenOptions, parseOptions } from './given-options.ts';
import { checkLeaseDuration } from './lease-duration.ts';
import { parseMoment } from './moment.ts';
import { commonOptions, type OptionEntry, runOptions } from './option-table.ts';
import type { CommonOptions } from './run-options.ts';

const json = { flags: '--json', description: 'tell it as JSON' } as const;
const replica = { flags: '--replica <name>', description: 'this replica alone' } as const;
const timeout = {
  flags: '--timeout <duration>',
  description: 'how long to wait, as in 30s; a plain number is seconds',
} as const;
const socket = {
  flags: '--socket <path>',
  description: 'control socket of the running process (else the config’s, else that of the staging folder)',
} as const;

const databasesTable = { ...commonOptions, json } as const satisfies Record<string, OptionEntry>;
const listTable = { ...commonOptions, replica, json } as const satisfies Record<string, OptionEntry>;
const ltxTable = {
  ...listTable,
  level: { flags: '--level <level>', description: '0 to 9, or all (all)' },
} as const satisfies Record<string, OptionEntry>;
const walTable = {
  ...listTable,
  generation: { flags: '--generation <name>', description: 'of this generation alone' },
} as const satisfies Record<string, OptionEntry>;
const statusTable = { ...commonOptions, replica, socket, timeout, json } as const satisfies Record<string, OptionEntry>;
const syncTable = {
  ...commonOptions,
  socket,
  timeout,
  wait: { flags: '--wait', description: 'accepted; it always waits until every replica is durable' },
  lease: runOptions.lease,
  leaseDuration: runOptions.leaseDuration,
  json,
} as const satisfies Record<string, OptionEntry>;
const verifyTable = {
  ...commonOptions,
  replica,
  timestamp: { flags: '--timestamp <time>', description: 'restore the state at this time (RFC 3339), not the newest' },
  chain: { flags: '--chain', description: 'look at the names alone: does a chain of files lead to every state?' },
  read: { flags: '--read', description: 'and read every object, with all of its checksums' },
  restore: { flags: '--restore', description: 'and restore to a temporary file, and check that (the default)' },
  temporaryFolder: {
    flags: '--temp-folder <folder>',
    description: 'where the temporary file goes (else the staging folder, else the system’s)',
  },
  socket,
  timeout: { ...timeout, description: 'how long the running process may take to sync for the comparison (30s)' },
  json,
} as const satisfies Record<string, OptionEntry>;

export interface DatabasesOptions extends CommonOptions {
  readonly json: boolean;
}

export interface ListOptions extends CommonOptions {
  /** `DB_PATH` (looked up in the config) or a `REPLICA_URL`; undefined: all of the config. */
  readonly subject: string | undefined;
  readonly replica: string | undefined;
  /** Of LTX files. */
  readonly level: number | 'all';
  /** Of Litestream 0.3 backups. */
  readonly generation: string | undefined;
  readonly json: boolean;
}

export interface StatusOptions extends CommonOptions {
  readonly subject: string | undefined;
  readonly replica: string | undefined;
  readonly socket: string | undefined;
  readonly timeout: Milliseconds | undefined;
  readonly json: boolean;
}

export interface SyncOptions extends CommonOptions {
  /** Path of the database; undefined: all of the config. */
  readonly database: string | undefined;
  readonly socket: string | undefined;
  readonly timeout: Milliseconds | undefined;
  readonly lease: 'on' | 'off' | undefined;
  readonly leaseDuration: Milliseconds | undefined;
  readonly json: boolean;
}

export interface VerifyOptions extends CommonOptions {
  readonly subject: string | undefined;
  readonly replica: string | undefined;
  readonly timestamp: Milliseconds | undefined;
  readonly effort: Effort;
  readonly temporaryFolder: string | undefined;
  readonly socket: string | undefined;
  readonly timeout: Milliseconds | undefined;
  readonly json: boolean;
}

/** `databases [options]`. Throws as `parseRun` does. */
export function parseDatabases(words: readonly string[], context: ArgumentContext): DatabasesOptions {
  const input = { ...context, verb: 'databases', words, operands: '[nothing...]', stopAtOperand: false };
  const given = parseOptions(databasesTable, input);
  if (given.operands.length > 0) {
    throw new StationError('USAGE', `databases takes options only, not "${given.operands.join(' ')}"`);
  }
  return { ...commonOf(given, context), json: given.switch('json') ?? false };
}

/** `snapshots|generations [options] [DB_PATH|REPLICA_URL]`. Throws as `parseRun` does. */
export function parseList(verb: string, words: readonly string[], context: ArgumentContext): ListOptions {
  const given = parseOptions(listTable, inputOf(verb, words, context));
  return { ...listOf(verb, given, context), level: 'all', generation: undefined };
}

/** `ltx [options] [DB_PATH|REPLICA_URL]`. Throws as `parseRun` does. */
export function parseLtx(words: readonly string[], context: ArgumentContext): ListOptions {
  const given = parseOptions(ltxTable, inputOf('ltx', words, context));
  return {
    ...listOf('ltx', given, context),
    level: given.parsed('level', levelOf) ?? 'all',
    generation: undefined,
  };
}

/** `wal [options] [DB_PATH|REPLICA_URL]`. Throws as `parseRun` does. */
export function parseWal(words: readonly string[], context: ArgumentContext): ListOptions {
  const given = parseOptions(walTable, inputOf('wal', words, context));
  return { ...listOf('wal', given, context), level: 0, generation: given.text('generation') };
}

/** `status [options] [DB_PATH|REPLICA_URL]`. Throws as `parseRun` does. */
export function parseStatus(words: readonly string[], context: ArgumentContext): StatusOptions {
  const given = parseOptions(statusTable, inputOf('status', words, context));
  return {
    ...commonOf(given, context),
    subject: subjectOf('status', given.operands),
    replica: given.text('replica'),
    socket: given.text('socket'),
    timeout: given.parsed('timeout', secondsOrDuration),
    json: given.switch('json') ?? false,
  };
}

/** `sync [options] [DB_PATH]`. Throws as `parseRun` does. */
export function parseSync(words: readonly string[], context: ArgumentContext): SyncOptions {
  const given = parseOptions(syncTable, inputOf('sync', words, context));
  const database = subjectOf('sync', given.operands);
  if (database !== undefined && isReplicaUrl(database)) {
    throw new StationError('USAGE', `sync takes the path of a database, not the URL ${database}`);
  }
  given.switch('wait');
  return {
    ...commonOf(given, context),
    database,
    socket: given.text('socket'),
    timeout: given.parsed('timeout', secondsOrDuration),
    lease: given.choice('lease', ['on', 'off']),
    leaseDuration: checkLeaseDuration(given.duration('leaseDuration')),
    json: given.switch('json') ?? false,
  };
}

/** `verify [options] [DB_PATH|REPLICA_URL]`. Throws as `parseRun` does. */
export function parseVerify(words: readonly string[], context: ArgumentContext): VerifyOptions {
  const given = parseOptions(verifyTable, inputOf('verify', words, context));
  return {
    ...commonOf(given, context),
    subject: subjectOf('verify', given.operands),
    replica: given.text('replica'),
    timestamp: given.parsed('timestamp', parseMoment),
    effort: effortOf(given),
    temporaryFolder: given.text('temporaryFolder'),
    socket: given.text('socket'),
    timeout: given.parsed('timeout', secondsOrDuration),
    json: given.switch('json') ?? false,
  };
}

export function isReplicaUrl(subject: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(subject);
}

function inputOf(verb: string, words: readonly string[], context: ArgumentContext) {
  const operands = verb === 'sync' ? '[db-path...]' : '[db-path-or-replica-url...]';
  return { ...context, verb, words, operands, stopAtOperand: false };
}

function listOf(verb: string, given: GivenOptions<keyof typeof listTable>, context: ArgumentContext) {
  return {
    ...commonOf(given, context),
    subject: subjectOf(verb, given.operands),
    replica: given.text('replica'),
    json: given.switch('json') ?? false,
  };
}

/** @throws StationError USAGE */
function subjectOf(verb: string, operands: readonly string[]): string | undefined {
  const what = verb === 'sync' ? 'one database path' : 'one database path or replica URL';
  const usage = `${verb} takes ${what}, or nothing`;
  return onlyOperand(operands, usage, 'with nothing it is about every database of the config');
}

/** @throws StationError USAGE for two of them */
function effortOf(given: GivenOptions<keyof typeof verifyTable>): Effort {
  const asked = (['chain', 'read', 'restore'] as const).filter((effort) => given.switch(effort) === true);
  if (asked.length > 1) {
    throw new StationError('USAGE', `${asked.map((effort) => `--${effort}`).join(' and ')} are both given`, {
      hint: 'each includes the lesser ones: --chain, then --read, then --restore',
    });
  }
  return asked[0] ?? 'restore';
}

function levelOf(text: string): number | 'all' {
  if (text === 'all') return 'all';
  if (/^[0-9]$/.test(text)) return Number(text);
  throw new StationError('USAGE', `"${text}" is not a level: 0 to 9, or all`);
}

/** Litestream's `-timeout` is a number of seconds. */
function secondsOrDuration(text: string): Milliseconds {
  const duration = /^\d+$/.test(text) ? milliseconds(Number(text) * 1000) : parseDuration(text);
  if (duration !== undefined && duration > 0) return duration;
  throw new StationError('USAGE', `"${text}" is not a duration such as 30s, or a number of seconds above 0`);
}
