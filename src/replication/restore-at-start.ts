import { rename, rm } from 'node:fs/promises';
import type { Log } from '../observe/log.ts';
import { type Txid, txid } from '../quantities.ts';
import { restoreDatabase } from '../restore/restore.ts';
import type { NamedReplica, ProvenCopy, RestoredDatabase, RestoreOutcome } from '../restore/restore-options.ts';
import type { KnownState } from '../wal/follower.ts';
import { syncFolderOf } from './durable-file.ts';
import { type LoadedStaging, provenFiles, restoredContent } from './load-staging.ts';
import { PageChecksums } from './page-checksums.ts';
import { type LocalPosition, noPosition, savePosition } from './position-file.ts';
import type { PrepareOptions } from './prepare-database.ts';
import type { RemotePosition } from './reconcile.ts';
import { remotePositionOf } from './remote-position.ts';
import { restoreLog } from './restore-log.ts';
import type { StagingContent } from './staging.ts';
import { type StagingFolder, setAside } from './staging-folder.ts';

export interface RestoredStart {
  readonly content: StagingContent;
  readonly known: KnownState;
  readonly continueAbove: Txid | undefined;
  readonly remotes: ReadonlyMap<string, RemotePosition | undefined>;
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
): Promise<RestoredStart> {
  const { database, settings, log } = options;
  await staged.close();
  const checksumFile = `${folder.pageChecksums}.restored.tmp`;
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
    checksumFile,
    integrity: {
      mode: settings.integrity,
      maxBytes: settings.integrityMaxBytes ?? database.restore.quickCheckMaxBytes,
    },
    beforePublish: async (proven) => {
      position = await adopt(folder, staged, proven, checksumFile, log);
    },
  });
  const remotes = remotesOf(outcome);
  if (outcome.kind === 'empty') {
    await keepStaged(folder, [...staged.content.level0], log);
    await rm(folder.position, { force: true });
    await rm(folder.pageChecksums, { force: true });
    return { ...freshStart(folder), remotes };
  }
  tellRestored(outcome, log);
  const listed = txid(Math.max(...[...remotes.values()].map((remote) => remote?.listedTxid ?? 0)));
  return {
    content: await restoredContent(folder, position, provenFiles(staged.content.level0, position)),
    known: { kind: 'restored', pageSize: outcome.pageSize, commit: outcome.commit },
    continueAbove: listed > position.txid ? listed : undefined,
    remotes,
    close: async () => undefined,
  };
}

/** Makes the staging folder that of the proven copy, with the position last: it is what counts after a kill. */
async function adopt(
  folder: StagingFolder,
  staged: LoadedStaging,
  proven: ProvenCopy,
  checksumFile: string,
  log: Log,
): Promise<LocalPosition> {
  const { position: found } = proven;
  const position: LocalPosition = {
    txid: found.txid,
    timestamp: proven.timestamp,
    pageSize: found.pageSize,
    commit: found.commit,
    fileChecksums: [found.fileChecksum.toString(16).padStart(16, '0')],
    wal: undefined,
  };
  const kept = provenFiles(staged.content.level0, position);
  await keepStaged(
    folder,
    staged.content.level0.filter((file) => !kept.includes(file)),
    log,
  );
  await rename(checksumFile, folder.pageChecksums);
  await syncFolderOf(folder.pageChecksums);
  await savePosition(folder.position, position);
  return position;
}

async function keepStaged(folder: StagingFolder, files: readonly { readonly path: string }[], log: Log): Promise<void> {
  const aside = await setAside(
    folder,
    files.map((file) => file.path),
    new Date(),
  );
  if (aside !== undefined)
    log.warn('staged files of a history that does not go on here are kept aside', { folder: aside });
}

function freshStart(folder: StagingFolder): Omit<RestoredStart, 'remotes'> {
  return {
    content: {
      position: noPosition,
      level0: [],
      snapshot: undefined,
      checksums: new PageChecksums(folder.pageChecksums, undefined, undefined, new Map()),
    },
    known: { kind: 'nothing' },
    continueAbove: undefined,
    close: async () => undefined,
  };
}

function remotesOf(outcome: RestoreOutcome): ReadonlyMap<string, RemotePosition | undefined> {
  return new Map(outcome.answers.map((answer) => [answer.replica, remotePositionOf(answer)]));
}

function tellRestored(outcome: RestoredDatabase, log: Log): void {
  const { replica, txid: at, files, bytesDownloaded, elapsed, integrity } = outcome;
  log.info('restored database', {
    replica,
    txid: at,
    captured: new Date(outcome.timestamp).toISOString(),
    files,
    size: bytesDownloaded,
    elapsed: `${(elapsed / 1000).toFixed(2)}s`,
    integrity,
  });
}
