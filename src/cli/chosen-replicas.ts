import { resolve } from 'node:path';
import type { Config, DatabaseConfig, ReplicaConfig } from '../config/config.ts';
import { StationError } from '../errors.ts';
import type { NamedReplica } from '../restore/restore-target.ts';
import { openStore } from '../storage/open-store.ts';
import { isReplicaUrl } from './inspect-options.ts';
import { findDatabase, namesIn, readConfig, replicaAt, warnOfNotes } from './load.ts';
import type { CommonOptions } from './run-options.ts';

/** What a command is about. */
export interface Chosen {
  /** Undefined: a replica named by its URL. */
  readonly database: DatabaseConfig | undefined;
  readonly replicas: readonly ReplicaConfig[];
}

export interface Choice {
  readonly chosen: readonly Chosen[];
  /** Undefined where a URL is all that is known. */
  readonly config: Config | undefined;
}

interface Asked extends CommonOptions {
  readonly subject: string | undefined;
  readonly replica?: string | undefined;
}

/**
 * The databases and replicas that a command line means: a URL, a database of the config, or all of it; `-replica` leaves
 * those of that name.
 * @throws StationError USAGE, CONFIG_*, REPLICA_REQUIRED where no replica is left
 */
export function chooseReplicas(options: Asked): Choice {
  const { subject, replica } = options;
  if (subject !== undefined && isReplicaUrl(subject)) {
    if (replica !== undefined)
      throw new StationError('USAGE', '-replica chooses among those of a config, not of a URL');
    return { chosen: [{ database: undefined, replicas: [replicaAt(subject)] }], config: undefined };
  }
  const config = readConfig(options);
  warnOfNotes(config);
  const databases = chooseDatabases(config, subject);
  const chosen = databases.map((database) => ({
    database,
    replicas: database.replicas.filter(({ name }) => replica === undefined || name === replica),
  }));
  if (chosen.every(({ replicas }) => replicas.length === 0)) throw noneLeft(config, databases, replica);
  return { chosen, config };
}

/** @throws StationError USAGE where the config has no such database */
export function chooseDatabases(config: Config, path: string | undefined): readonly DatabaseConfig[] {
  if (path === undefined) return config.databases;
  const found = findDatabase(config, resolve(path));
  if (found !== undefined) return [found];
  throw new StationError('USAGE', `${config.source ?? 'the environment'} has no database ${resolve(path)}`, {
    hint: `it has: ${namesIn(config)}; or name a replica by its URL, as in s3://bucket/path`,
  });
}

function noneLeft(config: Config, databases: readonly DatabaseConfig[], replica: string | undefined): StationError {
  const names = databases.flatMap(({ replicas }) => replicas.map(({ name }) => name));
  if (replica !== undefined && names.length > 0) {
    return new StationError('USAGE', `there is no replica "${replica}"; there are: ${[...new Set(names)].join(', ')}`);
  }
  if (databases.length === 0 && config.folders.length > 0) {
    return new StationError('USAGE', 'no database is here: the folders of the config are empty', {
      hint: `name one that was there by its path, or its replica by a URL; the folders are: ${namesIn(config)}`,
    });
  }
  return new StationError('REPLICA_REQUIRED', 'no replica is configured', {
    hint: `set one of ${config.replicaVariables.join(', ')}, or name a replica by its URL`,
  });
}

/** Works with the open stores of some replicas, and closes them. */
export async function withStores<T>(
  replicas: readonly ReplicaConfig[],
  work: (opened: readonly NamedReplica[]) => Promise<T>,
): Promise<T> {
  const opened = await Promise.all(replicas.map(async ({ name, store }) => ({ name, store: await openStore(store) })));
  try {
    return await work(opened);
  } finally {
    await Promise.all(opened.map(({ store }) => store.close()));
  }
}
