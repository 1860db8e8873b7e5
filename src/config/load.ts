import { StationError } from '../errors.ts';
import { commandWords } from './command-words.ts';
import type { Config, DatabaseConfig, ReplicaConfig, SocketConfig } from './config.ts';
import { environmentLookup } from './environment.ts';
import { databaseFromEnvironment, mapOf, replicaVariables, textOf } from './environment-tree.ts';
import type { LookupVariable } from './expand-variables.ts';
import { type ConfigFile, findConfigFile } from './find-file.ts';
import { folderAsDatabase } from './folder-database.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';
import { inEnvironment, problemsAsError } from './problem.ts';
import { readDatabase } from './read-database.ts';
import { readLogging } from './read-logging.ts';
import { readReplica } from './read-replica.ts';
import { readSection } from './read-section.ts';
import { readTree } from './read-tree.ts';
import { addNote, addProblem, type ConfigReading, startReading } from './reading.ts';
import { resolvePath } from './resolve-path.ts';
import { reportSamePlaces } from './same-place.ts';
import { find, findBoolean, findDuration, findText, type Section } from './section.ts';
import type { MapTree, Tree } from './tree.ts';
import { reportUnusedDefaults } from './unused-defaults.ts';

/** What surrounds the program: nothing else is read. */
export interface ConfigContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly homeDirectory: string;
  /** The text of a file; undefined if there is none. Throws where it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
}

export interface ConfigFlags {
  /** `--config` */
  readonly config?: string;
  /** `-no-expand-env`, Litestream's: variables in the file stay as they are written. */
  readonly noExpandEnvironment?: boolean;
  readonly logLevel?: string;
  readonly logFormat?: string;
}

export interface LoadConfigInput extends ConfigContext {
  readonly flags: ConfigFlags;
}

/**
 * The configuration, from flags, environment, file and defaults, in this order of weight.
 *
 * @throws StationError CONFIG_NOT_FOUND, CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY, CONFIG_VALUE, CONFIG_UNSUPPORTED,
 *   CONFIG_ENVIRONMENT; the message starts with `file:line:column`.
 */
export function loadConfig(input: LoadConfigInput): Config {
  const { flags, ...context } = input;
  const lookup = environmentLookup(context);
  const file = findConfigFile(flags.config, lookup, context);
  const expand = flags.noExpandEnvironment === true ? undefined : lookup;
  const reading = startReading();
  const map = file === undefined ? mapOf(inEnvironment, []) : readTopMap(file, expand, reading);
  const top = readSection(map, 'top', reading);
  const listed = top.nested.get('dbs') ?? [];
  const maps = listed.length > 0 ? listed : [databaseFromEnvironment(lookup)];
  const entries = maps.flatMap((one) => readDatabase(one, { reading, lookup, context, top }) ?? []);
  const databases = entries.flatMap((entry) => (entry.kind === 'database' ? [entry.database] : []));
  const folders = entries.flatMap((entry) => (entry.kind === 'folder' ? [entry.folder] : []));
  const all = [...databases, ...folders.map(folderAsDatabase)];
  reportSamePlaces(databases, folders, reading);
  reportUnusedDefaults(top, all, reading);
  const exec = readExec(top, reading);
  const listen = readListen(top, reading);
  const socket = readSocket(top, context, reading);
  const logging = readLogging(top, flags, lookup, reading);
  if (reading.problems.length > 0) throw problemsAsError(reading.problems);
  return {
    source: file?.path,
    databases,
    folders,
    logging,
    listen,
    exec,
    socket,
    shutdown: { syncTimeout: findDuration([top], 'shutdown-sync-timeout') },
    notes: reading.notes,
    replicaVariables: variablesOf(all),
  };
}

/**
 * The replica that a URL or a folder names, as in `litestream restore s3://bucket/path`. No URL has room for the key of an
 * encrypted one: it comes from STATION_AGE_IDENTITY. Throws as loadConfig does.
 */
export function replicaFromUrl(url: string, context: ConfigContext): ReplicaConfig {
  const where = { text: 'replica URL', order: 0 };
  const lookup: LookupVariable = environmentLookup(context);
  const reading = startReading();
  const nothing = readSection(mapOf(where, []), 'top', reading);
  const map = mapOf(where, [['url', textOf(url.trim(), where)], ...ageFromEnvironment(lookup)]);
  const { outcome, baseName } = readReplica(map, { reading, lookup, context, top: nothing, database: nothing });
  if (reading.problems.length > 0) throw problemsAsError(reading.problems);
  if (outcome.kind === 'configured') return { name: baseName, ...outcome.replica };
  throw new StationError('CONFIG_VALUE', `${where.text}: it names no replica`, {
    hint: 'write s3://bucket/path, file:///folder, or the path of a folder',
  });
}

function ageFromEnvironment(lookup: LookupVariable): readonly [key: string, value: Tree][] {
  const name = 'STATION_AGE_IDENTITY';
  const identity = lookup(name) ?? '';
  if (identity === '') return [];
  const where = { text: name, order: 1 };
  return [['age', mapOf(where, [['identities', { kind: 'list', where, items: [textOf(identity, where)] }]])]];
}

function readTopMap(file: ConfigFile, lookup: LookupVariable | undefined, reading: ConfigReading): MapTree {
  const tree = readTree(file.text, file.path, lookup);
  if (tree.kind === 'map') return tree;
  // Litestream's package installs a file of comments alone: it is as good as none, while an empty one was not meant.
  if (tree.kind === 'nothing' && file.text.includes('#')) {
    addNote(reading, 'WARN', tree.where, 'the file says nothing: the environment alone configures');
    return mapOf(tree.where, []);
  }
  const message = tree.kind === 'nothing' ? 'the file is empty' : 'the file must be a map of keys';
  throw new StationError('CONFIG_SYNTAX', `${tree.where.text}: ${message}`, {
    hint: 'start it with "dbs:", or remove it to configure by environment variables alone',
  });
}

function readExec(top: Section, reading: ConfigReading): readonly string[] | undefined {
  const exec = find([top], 'exec');
  if (exec === undefined) return undefined;
  const words = commandWords(String(exec.value));
  if (words !== undefined && words.length > 0) return words;
  addProblem(reading, exec.where, 'CONFIG_VALUE', '"exec" has a quote that is not closed', 'close it');
  return undefined;
}

function readListen(top: Section, reading: ConfigReading): ListenAddress | undefined {
  const addr = find([top], 'addr');
  if (addr === undefined) return undefined;
  const listen = parseListenAddress(String(addr.value));
  if (listen !== undefined) return listen;
  addProblem(reading, addr.where, 'CONFIG_VALUE', '"addr" is no address to listen on', 'write :9090 or 127.0.0.1:9090');
  return undefined;
}

function readSocket(top: Section, context: ConfigContext, reading: ConfigReading): SocketConfig {
  const path = findText([top], 'socket.path');
  const permissions = find([top], 'socket.permissions');
  const mode = permissions === undefined ? '0600' : String(permissions.value);
  if (permissions !== undefined && !/^(0o?)?[0-7]{3}$/.test(mode)) {
    const hint = 'write 0600, or 0660 for the group as well';
    addProblem(reading, permissions.where, 'CONFIG_VALUE', '"permissions" is no file mode', hint);
  }
  return {
    enabled: findBoolean([top], 'socket.enabled') ?? true,
    path: path === undefined ? undefined : resolvePath(path, context),
    permissions: Number.parseInt(mode.replace(/^0o?/, ''), 8),
  };
}

function variablesOf(databases: readonly DatabaseConfig[]): readonly string[] {
  const inFile = databases.flatMap(({ notConfigured }) => notConfigured.flatMap(({ variables }) => variables));
  return inFile.length > 0 ? [...new Set(inFile)] : replicaVariables;
}
