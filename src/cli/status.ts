import type { Config } from '../config/config.ts';
import { errorTable } from '../errors.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import { stagingFolderAt } from '../replication/staging/staging-folder.ts';
import { exitStatusOf, judgeReplica } from '../status/judge-status.ts';
import { lookAtDatabase } from '../status/local-status.ts';
import { lookAtReplica } from '../status/remote-status.ts';
import { type Chosen, chooseReplicas, withStores } from './chosen-replicas.ts';
import type { StatusOptions } from './inspect-options.ts';
import { type DatabaseStatusReport, statusJson, statusLines } from './status-report.ts';
import { print } from './text-table.ts';

/** How long the process and each replica may take to answer. */
const DEFAULT_TIMEOUT = milliseconds(10_000);

/** Tells per database and replica how far replication is, as the replicas themselves say. Resolves to the exit status. */
export async function statusCommand(options: StatusOptions): Promise<number> {
  const { chosen, config } = chooseReplicas(options);
  const meant = chosen.filter(({ replicas }) => options.replica === undefined || replicas.length > 0);
  const reports = await Promise.all(meant.map((one) => reportOn(one, config, options)));
  const now = milliseconds(Date.now());
  print(
    options.json,
    () => reports.map((report) => statusJson(report, now)),
    () => reports.flatMap((report) => statusLines(report, now)),
  );
  const worst = exitStatusOf(reports.flatMap(({ replicas }) => replicas.map(({ judgement }) => judgement.standing)));
  // One whose variables are forgotten has no copy, however well the others stand.
  return worst === 0 && reports.some(isForgotten) ? errorTable.REPLICA_REQUIRED.exitStatus : worst;
}

function isForgotten({ replicas, notConfigured }: DatabaseStatusReport): boolean {
  return replicas.length === 0 && notConfigured.length > 0;
}

async function reportOn(
  { database, replicas }: Chosen,
  config: Config | undefined,
  options: StatusOptions,
): Promise<DatabaseStatusReport> {
  const timeout = options.timeout ?? DEFAULT_TIMEOUT;
  const lookLocally = async () => {
    if (database === undefined) return undefined;
    const own = stagingFolderAt(database.stagingFolder).socket;
    const configured = config?.socket.enabled === true ? (config.socket.path ?? own) : undefined;
    return await lookAtDatabase(database, options.socket ?? configured, timeout);
  };
  return await withStores(replicas, async (opened) => {
    // The replicas after the database: what they hold by then is no less than what it told.
    const local = await lookLocally();
    const remotes = await Promise.all(opened.map((replica) => lookAtReplica(replica, timeout)));
    const now: Milliseconds = milliseconds(Date.now());
    return {
      database: database?.path,
      local,
      notConfigured: options.replica === undefined ? (database?.notConfigured ?? []) : [],
      replicas: opened.map(({ name, store }, index) => {
        const remote = remotes[index] as (typeof remotes)[number];
        const syncInterval = replicas[index]?.syncInterval ?? milliseconds(0);
        const judgement = judgeReplica({ replica: name, answer: remote.report.answer, local, syncInterval, now });
        return { name, url: store.url, remote, judgement };
      }),
    };
  });
}
