import type { DatabaseConfig, ReplicaConfig } from '../config/config.ts';
import { databaseSteps } from './check-database.ts';
import { type ProbeLimits, probeReplica } from './probe-replica.ts';
import type { DatabaseReport } from './report.ts';
import { runSteps } from './run-steps.ts';

/** Examines databases and all their replicas, side by side. Never rejects for what a store does. */
export async function examineDatabases(
  databases: readonly DatabaseConfig[],
  limits: ProbeLimits,
): Promise<readonly DatabaseReport[]> {
  return await Promise.all(
    databases.map(async (database) => ({
      path: database.path,
      checks: await runSteps(databaseSteps, database, limits),
      replicas: await Promise.all(database.replicas.map((replica) => probeReplica(replica, limits))),
      notConfigured: database.notConfigured,
    })),
  );
}

/** Examines one replica on its own. */
export async function examineReplica(replica: ReplicaConfig, limits: ProbeLimits): Promise<DatabaseReport> {
  return { path: undefined, checks: [], replicas: [await probeReplica(replica, limits)], notConfigured: [] };
}
