import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Config, DatabaseConfig, ReplicaConfig } from '../config/config.ts';
import { databaseIn, relativeIn } from '../config/folder-database.ts';
import { type ConfigContext, loadConfig, replicaFromUrl } from '../config/load.ts';
import { createLog } from '../observe/create-log.ts';
import type { Log } from '../observe/log.ts';
import { realPathOf } from '../real-path.ts';
import { scanFolder } from '../replication/folders/scan-folder.ts';
import { azureSecretsOf } from '../storage/azure/secrets.ts';
import { gcsSecretsOf } from '../storage/gcs/secrets.ts';
import type { StoreOptions } from '../storage/store-options.ts';
import type { CommonOptions } from './run-options.ts';

/** What surrounds this process, for the config's pure reader. `database` stands for STATION_DATABASE. */
function configContext(database?: string | undefined): ConfigContext {
  return {
    environment: database === undefined ? process.env : { ...process.env, STATION_DATABASE: database },
    workingDirectory: process.cwd(),
    homeDirectory: homedir(),
    readFile: readIfThere,
  };
}

/** Reads the configuration, its folders searched: `databases` are all that there are now. @throws StationError CONFIG_* */
export function readConfig(options: CommonOptions): Config {
  const config = readSettingsOf(options);
  const own = new Set(config.databases.map(({ path }) => path));
  const found = config.folders.flatMap((folder) =>
    scanFolder(folder).databases.map((relativePath) => databaseIn(folder, relativePath)),
  );
  return { ...config, databases: [...config.databases, ...found.filter(({ path }) => !own.has(path))] };
}

/** The database of this path, by whatever spelling of it, and whether it is there or not: one of a folder need not be. */
export function findDatabase(config: Config, path: string): DatabaseConfig | undefined {
  return findSpelled(config, path, (spelling) => spelling) ?? findSpelled(config, path, realPathOf);
}

function findSpelled(config: Config, path: string, spell: (path: string) => string): DatabaseConfig | undefined {
  const wanted = spell(path);
  const listed = config.databases.find((database) => spell(database.path) === wanted);
  if (listed !== undefined) return listed;
  for (const folder of config.folders) {
    const relativePath = relativeIn({ ...folder, path: spell(folder.path) }, wanted);
    if (relativePath !== undefined) return databaseIn(folder, relativePath);
  }
  return undefined;
}

/** Says what of the config is left out, such as a replica that is not configured. */
export function warnOfNotes({ notes, databases }: Config): void {
  for (const { path, notConfigured } of databases) {
    for (const { name, variables } of notConfigured) {
      process.stderr.write(`WARN: ${path}: replica ${name} is not configured: set ${variables.join(', ')}\n`);
    }
  }
  for (const { level, where, message } of notes) {
    if (level === 'WARN') process.stderr.write(`${level}: ${where}: ${message}\n`);
  }
}

const NAMED_AT_MOST = 20;

/** For messages: the databases of the config, and the folders of databases. */
export function namesIn({ databases, folders }: Config): string {
  const names = [...folders.map(({ path, pattern }) => join(path, pattern)), ...databases.map(({ path }) => path)];
  const more = names.length > NAMED_AT_MOST ? `, and ${names.length - NAMED_AT_MOST} more` : '';
  return `${names.slice(0, NAMED_AT_MOST).join(', ') || 'none'}${more}`;
}

/** Reads the configuration that the options point to. @throws StationError CONFIG_* */
export function readSettingsOf(options: CommonOptions, database?: string | undefined): Config {
  return loadConfig({
    ...configContext(database),
    flags: {
      ...(options.config !== undefined && { config: options.config }),
      ...(options.logLevel !== undefined && { logLevel: options.logLevel }),
      ...(options.logFormat !== undefined && { logFormat: options.logFormat }),
      noExpandEnvironment: options.noExpandEnvironment,
    },
  });
}

export function replicaAt(url: string): ReplicaConfig {
  return replicaFromUrl(url, configContext());
}

/** The log as configured, which never shows a secret of these databases. */
export function openLog(config: Pick<Config, 'logging'>, databases: readonly DatabaseConfig[]): Log {
  const { level, format, stream } = config.logging;
  return createLog({ level, format, stream, secrets: secretsIn(databases) });
}

/** What nobody may read anywhere. */
export function secretsIn(databases: readonly DatabaseConfig[]): ReadonlySet<string> {
  return new Set(databases.flatMap(secretsOf));
}

export function secretsOf(database: DatabaseConfig): readonly string[] {
  return database.replicas.flatMap(({ store }) => [...(store.age?.identities ?? []), ...storeSecretsOf(store)]);
}

function storeSecretsOf(store: StoreOptions): readonly string[] {
  if (store.type === 'abs') return azureSecretsOf(store);
  if (store.type === 'gs') return gcsSecretsOf(store);
  if (store.type !== 's3') return [];
  const customerKey = store.serverSideEncryption?.kind === 'customer' ? [store.serverSideEncryption.keyBase64] : [];
  const token = store.credentials?.sessionToken;
  return [
    ...(store.credentials ? [store.credentials.secretAccessKey] : []),
    ...(token === undefined ? [] : [token]),
    ...customerKey,
  ];
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw error;
  }
}
