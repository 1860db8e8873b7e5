import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import type { Config, DatabaseConfig, ReplicaConfig } from '../config/config.ts';
import { type ConfigContext, loadConfig, replicaFromUrl } from '../config/load.ts';
import { createLog } from '../observe/create-log.ts';
import type { Log } from '../observe/log.ts';
import { azureSecretsOf } from '../storage/azure-secrets.ts';
import { gcsSecretsOf } from '../storage/gcs-secrets.ts';
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

/** Reads the configuration that the options point to. @throws StationError CONFIG_* */
export function readConfig(options: CommonOptions, database?: string | undefined): Config {
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
