import { StationError } from '../../errors.ts';
import type { Milliseconds } from '../../quantities.ts';
import { askReplicas } from '../../restore/ask-replicas.ts';
import { inspectLocalDatabase } from '../../restore/local-database.ts';
import type { NamedReplica } from '../../restore/restore-target.ts';
import type { PrepareOptions, ReplicationSettings } from '../replication-settings.ts';
import {
  afterStock,
  dropUnsaved,
  isContinuedByStock,
  type LoadedStaging,
  loadStaging,
} from '../staging/load-staging.ts';
import { moveDatabaseAside } from '../staging/set-aside.ts';
import type { HistoryEnd } from '../staging/staging.ts';
import type { StagingFolder } from '../staging/staging-folder.ts';
import { isAsAtCompleteEnd, removeAside } from './complete-end.ts';
import { decideStart } from './decide-start.ts';
import { laterThan, lookAtOldBackups } from './old-backups.ts';
import type { Opened } from './opened.ts';
import { remotePositionOf } from './remote-position.ts';
import type { ReplicaLeases } from './replica-leases.ts';
import { restoreAtStart, type StartState } from './restore-at-start.ts';

/**
 * Looks at what is here and what the replicas hold, and goes on from the one or the other.
 * @param opened what stays open is added to it
 * @throws StationError REPLICA_AHEAD, DATABASE_INVALID where it has gone meanwhile; what a restore throws
 */
export async function meetDatabase(
  options: PrepareOptions,
  folder: StagingFolder,
  replicas: readonly NamedReplica[],
  leases: ReplicaLeases,
  signal: AbortSignal,
  opened: Opened,
): Promise<StartState> {
  const { database, settings, log } = options;
  const local = await inspectLocalDatabase(database.path);
  if (local.kind !== 'database' && options.ifAbsent === 'leave') throw isGone(database.path);
  const found = await loadStaging(folder);
  opened.add(() => found.close());
  if (local.kind !== 'database') return await restoreAtStart(options, folder, found, replicas, signal);

  const reports = await askReplicas(replicas, { kind: 'newest' }, lookTimeout(settings, found), signal);
  const remotes = new Map(
    reports.map(({ replica: { name }, answer }) => {
      const remote = remotePositionOf(answer);
      return [name, remote && { ...remote, isAnothers: leases.of(name)?.isAfterAnother === true }];
    }),
  );
  const listings = new Map(
    reports.flatMap(({ replica: { name }, inventory }) => (inventory === undefined ? [] : [[name, inventory]])),
  );
  const answered = [...remotes.values()].filter((remote) => remote !== undefined);
  const staged = isContinuedByStock(found, answered) ? afterStock(folder, found) : found;
  const backups = await lookAtOldBackups(reports, database.path);
  const end = staged.content.position.txid;
  const decision = decideStart(staged.content, remotes, settings.onConflict, backups);
  switch (decision.kind) {
    case 'go-on':
      await dropUnsaved(staged);
      return {
        ...staged,
        content: laterThan(backups.latest, staged.content),
        continueAbove: undefined,
        check: 'done',
        remotes,
        listings,
      };
    case 'keep-local':
      await dropUnsaved(staged);
      log.warn('keeping the database that is here, above what the replicas hold', { why: decision.why });
      return { ...keepLocal(staged, decision.above), remotes: asOurs(remotes), listings };
    case 'use-replica': {
      const aside = await moveDatabaseAside(database.path, new Date());
      log.warn('using the replica: the database that was here is kept aside', {
        why: decision.why,
        aside: aside.join(' '),
      });
      return await restoreAtStart(options, folder, staged, replicas, signal);
    }
    case 'stop':
      if (
        backups.ahead.length === 0 &&
        leases.isAfterAnother &&
        (await isAsAtCompleteEnd(folder.completeEnd, database.path, end))
      )
        return await catchUp(options, folder, staged, replicas, signal);
      throw new StationError('REPLICA_AHEAD', `${database.path}: ${decision.why}`);
  }
}

/**
 * What is known of the database tells later, too, whether a replica is ahead of it. Where nothing is, as in the first start
 * after Litestream 0.3, it is now or never: a week of its backup takes more than a moment to list.
 */
function lookTimeout(settings: ReplicationSettings, { content }: LoadedStaging): Milliseconds {
  return content.position.txid === 0 ? settings.restoreTimeout : settings.lookTimeout;
}

/** A person has decided: what is there is left behind. */
function asOurs(remotes: StartState['remotes']): StartState['remotes'] {
  return new Map([...remotes].map(([name, remote]) => [name, remote && { ...remote, isAnothers: false }]));
}

/** All that is here was in every replica when the last life ended, and another instance has gone on from there. */
async function catchUp(
  options: PrepareOptions,
  folder: StagingFolder,
  staged: LoadedStaging,
  replicas: readonly NamedReplica[],
  signal: AbortSignal,
): Promise<StartState> {
  const { database, log } = options;
  log.info(
    'another instance has gone on from the database that is here, which holds nothing else: restoring the newest',
  );
  // Until the newest is here.
  const aside = await moveDatabaseAside(database.path, new Date());
  const start = await restoreAtStart(options, folder, staged, replicas, signal);
  await removeAside(aside);
  return start;
}

/** Where nothing is known of the database, its first file is one of every page, numbered above the rest. */
function keepLocal(staged: LoadedStaging, above: HistoryEnd): Omit<StartState, 'remotes'> {
  const { position } = staged.content;
  if (position.txid > 0) return { ...staged, continueAbove: above, check: 'done' };
  return {
    ...staged,
    content: { ...staged.content, position: { ...position, ...above } },
    continueAbove: undefined,
    check: 'done',
  };
}

function isGone(path: string): StationError {
  return new StationError('DATABASE_INVALID', `${path} is not there any more`);
}
