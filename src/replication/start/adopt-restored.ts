import { rename, rm } from 'node:fs/promises';
import { syncFolderOf } from '../../durable-file.ts';
import type { Log } from '../../observe/log.ts';
import { txid } from '../../quantities.ts';
import type { ProvenCopy } from '../../restore/restore-options.ts';
import { type LoadedStaging, provenFiles } from '../staging/load-staging.ts';
import { type LocalPosition, noPosition, savePosition } from '../staging/position-file.ts';
import type { StagedFile } from '../staging/staged-files.ts';
import { type StagingFolder, setAside } from '../staging/staging-folder.ts';
import { remotePositionOf } from './remote-position.ts';

/** Where a restore into this staging folder writes its page checksums, until the copy is proven. */
export function restoredChecksumFile(folder: StagingFolder): string {
  return `${folder.pageChecksums}.restored.tmp`;
}

/** Makes the staging folder that of the proven copy, with the position last: it is what counts after a kill. */
export async function adoptRestored(
  folder: StagingFolder,
  staged: LoadedStaging,
  proven: ProvenCopy,
  log: Log,
): Promise<LocalPosition> {
  const { position: found } = proven;
  const position: LocalPosition =
    found.format === undefined
      ? {
          txid: found.txid,
          timestamp: proven.timestamp,
          pageSize: found.pageSize,
          commit: found.commit,
          fileChecksums: [found.fileChecksum.toString(16).padStart(16, '0')],
          landmarks: [],
          wal: undefined,
        }
      : besideLegacy(proven);
  const kept = provenFiles(staged.content.level0, position);
  await keepStaged(
    folder,
    [staged.content.snapshot, ...staged.content.level0, ...staged.above].filter(
      (file) => file !== undefined && !kept.includes(file),
    ),
    log,
  );
  if (found.format === undefined) await rename(restoredChecksumFile(folder), folder.pageChecksums);
  else await rm(folder.pageChecksums, { force: true });
  await syncFolderOf(folder.pageChecksums);
  await savePosition(folder.position, position);
  return position;
}

/**
 * Where a chain begins whose first state is that of a Litestream 0.3 backup: with every page, later than the backup, and
 * above all LTX files that are older than it. Where any are later, someone chose the backup by hand over them: to begin
 * above those would decide for good what that person may have meant as a look, so the next start asks.
 */
function besideLegacy({ timestamp, answers }: ProvenCopy): LocalPosition {
  const remotes = answers.map(remotePositionOf).filter((remote) => remote !== undefined);
  if (remotes.some((remote) => remote.timestamp > timestamp)) return { ...noPosition, timestamp };
  return { ...noPosition, timestamp, txid: txid(Math.max(0, ...remotes.map((remote) => remote.listedTxid))) };
}

/** Moves staged files that no history goes on from aside, and says so. */
export async function keepStaged(
  folder: StagingFolder,
  files: readonly (StagedFile | undefined)[],
  log: Log,
): Promise<void> {
  const aside = await setAside(
    folder,
    files.flatMap((file) => (file === undefined ? [] : [file.path])),
    new Date(),
  );
  if (aside !== undefined)
    log.warn('staged files of a history that does not go on here are kept aside', { folder: aside });
}
