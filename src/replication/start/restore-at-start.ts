import { rm } from 'node:fs/promises';
import type { Log } from '../../observe/log.ts';
import { milliseconds, txid } from '../../quantities.ts';
import type { ReplicaPosition } from '../../restore/answer.ts';
import { describePoint } from '../../restore/describe.ts';
import type { Inventory } from '../../restore/inventory.ts';
import { moveLeftoversAside } from '../../restore/publish.ts';
import { restoreDatabase } from '../../restore/restore.ts';
import type { RestoredDatabase, RestoreOutcome } from '../../restore/restore-options.ts';
import type { NamedReplica } from '../../restore/restore-target.ts';
import type { KnownState } from '../../wal/follower.ts';
import type { RemotePosition } from '../replica/reconcile.ts';
import type { PrepareOptions } from '../replication-settings.ts';
import { type LoadedStaging, provenFiles, restoredContent } from '../staging/load-staging.ts';
import { PageChecksums } from '../staging/page-checksums.ts';
import { noPosition } from '../staging/position-file.ts';
import type { HistoryEnd, StagingContent } from '../staging/staging.ts';
import type { StagingFolder } from '../staging/staging-folder.ts';
import { adoptRestored, keepStaged, restoredChecksumFile } from './adopt-restored.ts';
import { remotePositionOf } from './remote-position.ts';
import { restoreLog } from './restore-log.ts';

/** How a database is met, whether it was here or was restored. */
export interface StartState {
  readonly content: StagingContent;
  readonly known: KnownState;
  readonly continueAbove: HistoryEnd | undefined;
  /** Whether SQLite's own check of the restored file was left for after the start, being too long for before it. */
  readonly check: 'done' | 'deferred';
  readonly remotes: ReadonlyMap<string, RemotePosition | undefined>;
  /** What was listed of those that were asked under their leases, and not written to since. */
  readonly listings?: Map<string, Inventory>;
  close(): Promise<void>;
}

/**
 * No database is here: restores the newest, or finds that there is none anywhere. The position of the restored state is
 * saved before the database is published: a kill in between leaves no database whose position is unknown.
 * @throws what `restoreDatabase` throws
 */
export async function restoreAtStart(
  options: PrepareOptions,
  folder: StagingFolder,
  staged: LoadedStaging,
  replicas: readonly NamedReplica[],
  signal: AbortSignal,
): Promise<StartState> {
  const { database, settings, log } = options;
  await staged.close();
  let position = noPosition;
  const outcome = await restoreDatabase({
    replicas,
    target: { kind: 'newest' },
    policy: settings.restore,
    events: restoreLog(log),
    signal,
    answerTimeout: settings.restoreTimeout,
    output: database.path,
    overwrite: true,
    checksumFile: restoredChecksumFile(folder),
    integrity: {
      mode: settings.integrity,
      maxBytes: settings.integrityMaxBytes ?? database.restore.quickCheckMaxBytes,
    },
    beforePublish: async (proven) => {
      position = await adoptRestored(folder, staged, proven, log);
    },
  });
  const remotes = remotesOf(outcome);
  if (outcome.kind === 'empty') {
    await keepStaged(folder, [staged.content.snapshot, ...staged.content.level0, ...staged.above], log);
    for (const aside of await moveLeftoversAside(database.path, milliseconds(Date.now()))) {
      log.warn('left over beside the absent database, moved aside', { aside });
    }
    await rm(folder.position, { force: true });
    await rm(folder.pageChecksums, { force: true });
    return { ...freshStart(folder), remotes };
  }
  tellRestored(outcome, log);
  // Above all of them and later than all of them: one that was passed over by name ends later than what was restored.
  const listed = txid(Math.max(...[...remotes.values()].map((remote) => remote?.listedTxid ?? 0)));
  const latest = milliseconds(Math.max(...[...remotes.values()].map((remote) => remote?.timestamp ?? 0)));
  const isBelow = listed > position.txid || latest > position.timestamp;
  if (outcome.position.format !== undefined) {
    const above = { txid: listed, timestamp: milliseconds(Math.max(latest, position.timestamp)) };
    const content = await restoredContent(folder, { ...position, ...above }, []);
    return { content, known: { kind: 'nothing' }, continueAbove: undefined, check: checkOf(outcome), remotes, close };
  }
  return {
    content: await restoredContent(folder, position, provenFiles(staged.content.level0, position)),
    known: { kind: 'restored', pageSize: outcome.pageSize, commit: outcome.commit },
    continueAbove: isBelow ? { txid: listed, timestamp: latest } : undefined,
    check: checkOf(outcome),
    remotes,
    close,
  };
}

/** Nothing is open after a restore. */
const close = async () => undefined;

function checkOf({ integrity }: RestoredDatabase): StartState['check'] {
  return integrity === 'deferred' ? 'deferred' : 'done';
}

function freshStart(folder: StagingFolder): Omit<StartState, 'remotes'> {
  return {
    content: {
      position: noPosition,
      level0: [],
      snapshot: undefined,
      checksums: new PageChecksums(folder.pageChecksums, undefined, undefined, new Map()),
    },
    known: { kind: 'nothing' },
    continueAbove: undefined,
    check: 'done',
    close: async () => undefined,
  };
}

function remotesOf(outcome: RestoreOutcome): ReadonlyMap<string, RemotePosition | undefined> {
  return new Map(outcome.answers.map((answer) => [answer.replica, remotePositionOf(answer)]));
}

function tellRestored(outcome: RestoredDatabase, log: Log): void {
  const { replica, files, bytesDownloaded, elapsed, integrity } = outcome;
  log.info('restored database', {
    replica,
    ...fieldsOf(outcome.position),
    captured: new Date(outcome.timestamp).toISOString(),
    files,
    size: bytesDownloaded,
    elapsed: `${(elapsed / 1000).toFixed(2)}s`,
    integrity,
  });
}

function fieldsOf(position: ReplicaPosition): Readonly<Record<string, string | number>> {
  if (position.format === undefined) return { txid: position.txid };
  return { from: describePoint(position) };
}
