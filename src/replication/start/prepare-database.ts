import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ReplicaConfig } from '../../config/config.ts';
import { StationError } from '../../errors.ts';
import type { Lease } from '../../lease/lease.ts';
import type { Log } from '../../observe/log.ts';
import { milliseconds, txid } from '../../quantities.ts';
import { askReplica, askReplicas } from '../../restore/ask-replicas.ts';
import { inspectLocalDatabase, type LocalDatabase } from '../../restore/local-database.ts';
import type { NamedReplica } from '../../restore/restore-target.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { openStore } from '../../storage/open-store.ts';
import { limitUploadRate } from '../../storage/rate-limited-store.ts';
import type { KnownState } from '../../wal/follower.ts';
import type { RemotePosition } from '../replica/reconcile.ts';
import type { PrepareOptions } from '../replication-settings.ts';
import {
  afterStock,
  dropUnsaved,
  isContinuedByStock,
  type LoadedStaging,
  loadStaging,
} from '../staging/load-staging.ts';
import { moveDatabaseAside } from '../staging/set-aside.ts';
import { type HistoryEnd, Staging } from '../staging/staging.ts';
import { clearLeftovers, makeStagingFolder, type StagingFolder, stagingFolderAt } from '../staging/staging-folder.ts';
import { takeStagingLock } from '../staging/staging-lock.ts';
import { claimNextFiles, discardRestored, readPageOne } from './claim.ts';
import { isAsAtCompleteEnd, removeAside } from './complete-end.ts';
import { decideStart } from './decide-start.ts';
import { laterThan, lookAtOldBackups } from './old-backups.ts';
import { remotePositionOf } from './remote-position.ts';
import { holdLeases, type LeaseListener, noUploads, type ReplicaLeases } from './replica-leases.ts';
import { restoreAtStart, type StartState } from './restore-at-start.ts';

export interface PreparedReplica {
  readonly config: ReplicaConfig;
  readonly store: ObjectStore;
  readonly remote: RemotePosition | undefined;
  readonly ask: (signal: AbortSignal) => Promise<RemotePosition>;
  /** Undefined: the lease is off. */
  readonly lease: Lease | undefined;
}

/** A database ready to be followed. */
export interface PreparedDatabase {
  readonly folder: StagingFolder;
  readonly staging: Staging;
  readonly known: KnownState;
  /** Whether SQLite's own check of a restored database is still to be made, beside the running child. */
  readonly check: 'done' | 'deferred';
  readonly replicas: readonly PreparedReplica[];
  readonly leases: ReplicaLeases;
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
 * All that happens to a database before the child starts: the lock, the leases, the look at what is here and what the
 * replicas hold, the restore where nothing is here, and the claim where another instance was taken over from.
 * @throws StationError; nothing stays open then
 */
export async function prepareDatabase(
  options: PrepareOptions,
  listener: LeaseListener,
  signal: AbortSignal,
): Promise<PreparedDatabase> {
  const opened = new Opened();
  try {
    return await prepare(options, listener, signal, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function isGone(path: string): StationError {
  return new StationError('DATABASE_INVALID', `${path} is not there any more`);
}

async function prepare(
  options: PrepareOptions,
  listener: LeaseListener,
  signal: AbortSignal,
  opened: Opened,
): Promise<PreparedDatabase> {
  const { database, settings, log } = options;
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
  const local = await inspectLocalDatabase(database.path);
  const patience = local.kind === 'database' ? settings.lookTimeout : settings.restoreTimeout;
  // Before anything is read of the replicas: what the last holder wrote is there by then.
  const leases = await holdLeases(options, folder, replicas, patience, listener, signal);
  opened.add(async () => await leases.release(() => noUploads));
  const asked = replicas.map((replica) => ({ ...replica, unreachable: leases.unreachable(replica.name) }));
  const start = await startAsOnlyWriter(options, folder, asked, leases, local.kind, signal, opened);
  leases.noteWriter();
  return {
    folder,
    ...start,
    replicas: database.replicas.map((config, index) => {
      const named = replicas[index] as NamedReplica;
      return {
        config,
        store: named.store,
        remote: start.remotes.get(named.name),
        ask: askerOf(named, start.known.kind === 'restored' ? undefined : leases.of(named.name)),
        lease: leases.of(named.name),
      };
    }),
    leases,
    close: () => opened.close(),
  };
}

/** Another holder may get in between so often before this start gives up. */
const CLAIMS = 5;

type WriterStart = Pick<StartState, 'known' | 'check' | 'remotes'> & { readonly staging: Staging };

/**
 * Finds out how the database is met, and where an upload of another instance's may still arrive, claims the name that it
 * would have. Who is overtaken by it looks again: at a chain that is longer by that file.
 */
async function startAsOnlyWriter(
  options: PrepareOptions,
  folder: StagingFolder,
  replicas: readonly NamedReplica[],
  leases: ReplicaLeases,
  local: LocalDatabase['kind'],
  signal: AbortSignal,
  opened: Opened,
): Promise<WriterStart> {
  const { database, settings, log, clocks } = options;
  const needsClaim = leases.needsClaim(local === 'database' ? 'present' : 'absent');
  for (let attempt = 1; ; attempt += 1) {
    const start = await startState(options, folder, replicas, leases, signal, opened);
    const staging = new Staging(folder, start.content, clocks.wall);
    const { continueAbove, known } = start;
    if (!needsClaim) {
      if (continueAbove !== undefined) await staging.continueAbove(continueAbove);
      return { ...start, staging };
    }
    const pageOne = continueAbove === undefined ? await readPageOne(database.path, staging.position, known) : undefined;
    if (pageOne === undefined) {
      await leaveRoomForOne(staging, continueAbove);
      if (staging.position.txid > 0) leases.noteClaimed();
      return { ...start, staging };
    }
    const file = await staging.claim(pageOne);
    const held = replicas.flatMap(({ name, store }) => {
      const remote = start.remotes.get(name);
      return remote === undefined ? [] : [{ name, store, remote, lease: leases.of(name) }];
    });
    const isRestored = known.kind === 'restored';
    const patience = isRestored ? settings.restoreTimeout : settings.lookTimeout;
    const outcome = await claimNextFiles(staging, held, clocks.wall(), patience, signal);
    if (outcome.kind === 'claimed') {
      for (const error of outcome.failed) log.warn(`the next file could not be claimed: ${error.message}`);
      const [failure] = outcome.failed;
      if (isRestored && outcome.remotes.size === 0 && failure !== undefined) {
        // Nobody has written to it, and another instance may go on meanwhile: the next start is to see an empty disk.
        await discardRestored(database.path, folder, start.content.position, file);
        throw failure;
      }
      return { ...start, staging, remotes: new Map([...start.remotes, ...outcome.remotes]) };
    }
    log.warn('the last holder wrote until just now: looking at the replicas again', { why: outcome.error.message });
    if (attempt === CLAIMS) throw outcome.error;
    if (isRestored) await discardRestored(database.path, folder, start.content.position, file);
  }
}

/** Where the replicas get a snapshot next, one late file of another's may come before it, and stays below it. */
async function leaveRoomForOne(staging: Staging, above: HistoryEnd | undefined): Promise<void> {
  const { txid: at, timestamp } = staging.position;
  if (at === 0) return;
  const end = above ?? { txid: at, timestamp };
  await staging.continueAbove({ ...end, txid: txid(Math.max(end.txid, at) + 1) });
}

async function startState(
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

  const reports = await askReplicas(replicas, { kind: 'newest' }, settings.lookTimeout, signal);
  const remotes = new Map(
    reports.map(({ replica: { name }, answer }) => {
      const remote = remotePositionOf(answer);
      return [name, remote && { ...remote, isAnothers: leases.of(name)?.isAfterAnother === true }];
    }),
  );
  const checksums = [...remotes.values()].flatMap((remote) => remote?.fileChecksums ?? []);
  const staged = isContinuedByStock(found, checksums) ? afterStock(folder, found) : found;
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
      };
    case 'keep-local':
      await dropUnsaved(staged);
      log.warn('keeping the database that is here, above what the replicas hold', { why: decision.why });
      return { ...keepLocal(staged, decision.above), remotes: asOurs(remotes) };
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
function askerOf(replica: NamedReplica, lease: Lease | undefined): (signal: AbortSignal) => Promise<RemotePosition> {
  return async (signal) => {
    const report = await askReplica(replica, { kind: 'newest' }, new Map(), milliseconds(30_000), signal, 'none');
    const remote = remotePositionOf(report.answer);
    if (remote !== undefined) return { ...remote, isAnothers: lease?.decides === true && lease.isAfterAnother };
    if (report.answer.kind === 'failed') throw report.answer.error;
    throw new StationError('STORAGE_UNREACHABLE', `${replica.store.url} does not answer`);
  };
}
