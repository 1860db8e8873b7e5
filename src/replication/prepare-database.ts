import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ReplicaConfig } from '../config/config.ts';
import { StationError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { milliseconds } from '../quantities.ts';
import { askReplica, askReplicas } from '../restore/ask-replicas.ts';
import { inspectLocalDatabase } from '../restore/local-database.ts';
import type { NamedReplica } from '../restore/restore-options.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openStore } from '../storage/open-store.ts';
import { limitUploadRate } from '../storage/rate-limited-store.ts';
import type { KnownState } from '../wal/follower.ts';
import { decideStart } from './decide-start.ts';
import { afterStock, dropUnsaved, isContinuedByStock, type LoadedStaging, loadStaging } from './load-staging.ts';
import type { RemotePosition } from './reconcile.ts';
import { remotePositionOf } from './remote-position.ts';
import type { PrepareOptions } from './replication-settings.ts';
import { restoreAtStart, type StartState } from './restore-at-start.ts';
import { moveDatabaseAside } from './set-aside.ts';
import type { HistoryEnd, StagingContent } from './staging.ts';
import { clearLeftovers, makeStagingFolder, type StagingFolder, stagingFolderAt } from './staging-folder.ts';
import { takeStagingLock } from './staging-lock.ts';

export interface PreparedReplica {
  readonly config: ReplicaConfig;
  readonly store: ObjectStore;
  readonly remote: RemotePosition | undefined;
  readonly ask: (signal: AbortSignal) => Promise<RemotePosition>;
}

/** A database ready to be followed. */
export interface PreparedDatabase {
  readonly folder: StagingFolder;
  readonly content: StagingContent;
  readonly known: KnownState;
  /** Histories end up to here that this one does not continue: it goes on above them. */
  readonly continueAbove: HistoryEnd | undefined;
  /** Whether SQLite's own check of a restored database is still to be made, beside the running child. */
  readonly check: 'done' | 'deferred';
  readonly replicas: readonly PreparedReplica[];
  close(): Promise<void>;
}

/** Closes what was opened so far, newest first, also when a later step fails. */
class Opened {
  readonly #closers: (() => void | Promise<void>)[] = [];

  add(closer: () => void | Promise<void>): void {
    this.#closers.push(closer);
  }

  async close(): Promise<void> {
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) await closer();
  }
}

/**
 * All that happens to a database before the child starts: the lock, the look at what is here and what the replicas
 * hold, and the restore where nothing is here.
 * @throws StationError; nothing stays open then
 */
export async function prepareDatabase(options: PrepareOptions, signal: AbortSignal): Promise<PreparedDatabase> {
  const opened = new Opened();
  try {
    return await prepare(options, signal, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function prepare(options: PrepareOptions, signal: AbortSignal, opened: Opened): Promise<PreparedDatabase> {
  const { database, log } = options;
  await makeDataFolder(database.path);
  const folder = stagingFolderAt(database.stagingFolder);
  await makeStagingFolder(folder);
  const lock = await takeStagingLock(
    folder.lock,
    () => log.warn('another supervisor holds this database: waiting for it to end', { lock: folder.lock }),
    signal,
  );
  opened.add(() => lock.release());
  await clearLeftovers(folder);
  const replicas = await openReplicas(database.replicas, log, opened);
  const start = await startState(options, folder, replicas, signal, opened);
  return {
    folder,
    ...start,
    replicas: database.replicas.map((config, index) => {
      const named = replicas[index] as NamedReplica;
      return { config, store: named.store, remote: start.remotes.get(named.name), ask: askerOf(named) };
    }),
    close: () => opened.close(),
  };
}

async function startState(
  options: PrepareOptions,
  folder: StagingFolder,
  replicas: readonly NamedReplica[],
  signal: AbortSignal,
  opened: Opened,
): Promise<StartState> {
  const { database, settings, log } = options;
  const local = await inspectLocalDatabase(database.path);
  const found = await loadStaging(folder);
  opened.add(() => found.close());
  if (local.kind !== 'database') return await restoreAtStart(options, folder, found, replicas, signal);

  const reports = await askReplicas(replicas, { kind: 'newest' }, settings.lookTimeout, signal);
  const remotes = new Map(reports.map((report) => [report.replica.name, remotePositionOf(report.answer)]));
  const checksums = [...remotes.values()].flatMap((remote) => remote?.fileChecksums ?? []);
  const staged = isContinuedByStock(found, checksums) ? afterStock(folder, found) : found;
  const decision = decideStart(staged.content, remotes, settings.onConflict);
  switch (decision.kind) {
    case 'go-on':
      await dropUnsaved(staged);
      return { ...staged, continueAbove: undefined, check: 'done', remotes };
    case 'keep-local':
      await dropUnsaved(staged);
      log.warn('keeping the database that is here, above what the replicas hold', { why: decision.why });
      return { ...keepLocal(staged, decision.above), remotes };
    case 'use-replica': {
      const aside = await moveDatabaseAside(database.path, new Date());
      log.warn('using the replica: the database that was here is kept aside', {
        why: decision.why,
        aside: aside.join(' '),
      });
      return await restoreAtStart(options, folder, staged, replicas, signal);
    }
    case 'stop':
      throw new StationError('REPLICA_AHEAD', `${database.path}: ${decision.why}`);
  }
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

async function makeDataFolder(databasePath: string): Promise<void> {
  const folder = dirname(databasePath);
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StationError('DATA_FOLDER', `cannot make the data folder ${folder}: ${reason}`, { cause });
  }
}

async function openReplicas(
  configs: readonly ReplicaConfig[],
  log: Log,
  opened: Opened,
): Promise<readonly NamedReplica[]> {
  return await Promise.all(
    configs.map(async ({ name, store: where, maxUploadRate }) => {
      const unableToFence = (why: string) => warnOfFencing(log.with({ replica: name }), why);
      const opening = await openStore(where, { unableToFence });
      const store = maxUploadRate === undefined ? opening : limitUploadRate(opening, maxUploadRate);
      opened.add(() => store.close());
      return { name, store };
    }),
  );
}

function warnOfFencing(log: Log, why: string): void {
  log.warn(`the store is unable to fence: ${why}`, {
    hint: 'two instances could overwrite each other there: run one at a time, or use another store',
  });
}

/** One question to a replica that did not answer at the start; the uploader asks again by itself if it fails. */
function askerOf(replica: NamedReplica): (signal: AbortSignal) => Promise<RemotePosition> {
  return async (signal) => {
    const report = await askReplica(replica, { kind: 'newest' }, new Map(), milliseconds(30_000), signal, 'none');
    const remote = remotePositionOf(report.answer);
    if (remote !== undefined) return remote;
    if (report.answer.kind === 'failed') throw report.answer.error;
    throw new StationError('STORAGE_UNREACHABLE', `${replica.store.url} does not answer`);
  };
}
