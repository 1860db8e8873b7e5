import { resolve } from 'node:path';
import type { Config, DatabaseConfig } from '../config/config.ts';
import { databaseIn } from '../config/folder-database.ts';
import { examineDatabases, examineReplica } from '../doctor/doctor.ts';
import type { ProbeLimits } from '../doctor/probe-replica.ts';
import { type DatabaseReport, doctorJson, doctorLines, isHealthy } from '../doctor/report.ts';
import { StationError } from '../errors.ts';
import { milliseconds } from '../quantities.ts';
import { monotonicClock } from '../supervisor/clock.ts';
import { readConfig, replicaAt } from './load.ts';
import type { DoctorOptions } from './run-options.ts';

const limits: ProbeLimits = {
  patience: milliseconds(10_000),
  wallClock: () => milliseconds(Date.now()),
  monotonicClock,
};

/** Exit status where a step failed: the replica, or the place of the database, is not fit for use. */
const UNFIT = 69;

/** Probes the databases of the config and each of their replicas, or the one replica that a URL names. */
export async function doctorCommand(options: DoctorOptions): Promise<number> {
  const reports = await examine(options);
  const text = options.json ? JSON.stringify(doctorJson(reports)) : doctorLines(reports).join('\n');
  process.stdout.write(`${text}\n`);
  return isHealthy(reports) ? 0 : UNFIT;
}

async function examine(options: DoctorOptions): Promise<readonly DatabaseReport[]> {
  const { subject } = options;
  if (subject !== undefined && /^[a-z][a-z0-9+.-]*:/i.test(subject)) {
    return [await examineReplica(replicaAt(subject), limits)];
  }
  const config = readConfig(options);
  for (const { level, where, message } of config.notes) process.stderr.write(`${level}: ${where}: ${message}\n`);
  const databases = subject === undefined ? onePerFolder(config) : chooseDatabases(config, subject);
  if (databases.every((database) => database.replicas.length === 0)) {
    throw new StationError('REPLICA_REQUIRED', 'no replica is configured: there is nothing to probe', {
      hint: `set one of ${config.replicaVariables.join(', ')}, or name a replica by its URL`,
    });
  }
  return await examineDatabases(databases, limits);
}

/** What is true of one database of a folder is true of all: their replicas differ in the path alone. */
function onePerFolder({ databases, folders }: Config): readonly DatabaseConfig[] {
  const entries = new Set(folders.map(({ template }) => template.where));
  const listed = databases.filter(({ where }) => !entries.has(where));
  const examples = folders.map(
    (folder) =>
      databases.find(({ where }) => where === folder.template.where) ?? databaseIn(folder, 'the-first-to-come.db'),
  );
  return [...listed, ...examples];
}

/** The database of that path, or all. @throws StationError USAGE */
export function chooseDatabases(config: Config, path: string | undefined): readonly DatabaseConfig[] {
  if (path === undefined) return config.databases;
  const found = config.databases.filter((database) => database.path === resolve(path));
  if (found.length > 0) return found;
  const known = config.databases.map((database) => database.path).join(', ');
  throw new StationError('USAGE', `${config.source ?? 'the environment'} has no database ${resolve(path)}`, {
    hint: `it has: ${known || 'none'}; or name a replica by its URL, as in s3://bucket/path`,
  });
}
