import { createReadStream } from 'node:fs';
import { isStationError } from '../../errors.ts';
import { pageChecksum } from '../../ltx/checksum.ts';
import { decodeLtx } from '../../ltx/decoder.ts';
import { type Txid, txid } from '../../quantities.ts';
import { type ChecksumFileHeader, checksumSource, openChecksumFile } from '../../restore/checksum-file.ts';
import type { KnownState, PageChecksumSource } from '../../wal/follower.ts';
import { PageChecksums } from './page-checksums.ts';
import { type LocalPosition, loadPosition, noPosition } from './position-file.ts';
import { listStagedFiles, removeStagedFiles, type StagedFile } from './staged-files.ts';
import type { StagingContent } from './staging.ts';
import type { StagingFolder } from './staging-folder.ts';

/** What an earlier process left, made consistent. */
export interface LoadedStaging {
  readonly content: StagingContent;
  readonly known: KnownState;
  /** Level-0 files above the saved position: see `dropUnsaved` and `afterStock`. */
  readonly above: readonly StagedFile[];
  /** Closes the file that `known` reads from; call it once the follower is finished. */
  close(): Promise<void>;
}

/**
 * Reads the staging folder after any kind of end. Without a saved position, level-0 files are those of a stock Litestream: its
 * numbering goes on, with a file of every page.
 * @throws StationError STAGING_FAILED
 */
export async function loadStaging(folder: StagingFolder): Promise<LoadedStaging> {
  const found = await listStagedFiles(folder.level0, 0);
  const snapshots = await listStagedFiles(folder.snapshots, 9);
  const saved = await loadPosition(folder.position);
  const position = saved ?? positionOfStock(found);
  const isCaptured = (file: StagedFile) => file.maxTxid <= position.txid;
  const snapshot = snapshots.filter(isCaptured).at(-1);
  await removeStagedFiles(snapshots.filter((file) => file !== snapshot));
  const captured = found.filter(isCaptured);
  const loaded = saved === undefined ? undefined : await loadChecksums(folder.pageChecksums, position, captured);
  const damaged = loaded !== undefined && 'damaged' in loaded ? loaded.damaged : undefined;
  if (damaged !== undefined) await removeStagedFiles([damaged]);
  const level0 = captured.filter((file) => file !== damaged);
  const checksums = loaded !== undefined && 'file' in loaded ? loaded : undefined;
  const source = checksums && checksumSource(checksums.header, checksums.file, checksums.later, position.commit);
  return {
    content: {
      position: withSnapshot(position, snapshot),
      level0,
      snapshot,
      checksums: pageChecksumsOf(folder, position, checksums),
    },
    known: knownState(position, source),
    above: found.filter((file) => !isCaptured(file)),
    close: async () => await checksums?.file.close(),
  };
}

/**
 * A level-0 file of ours above the saved position was never uploaded, and what it holds is captured again (see
 * LocalPosition), so it goes.
 */
export async function dropUnsaved(staged: LoadedStaging): Promise<void> {
  await removeStagedFiles(staged.above);
}

/** What tells a replica's last file from others. */
interface LastOfReplica {
  readonly listedTxid: Txid;
  readonly fileChecksums: readonly string[];
  /** Another instance of ours wrote to it last. */
  readonly isAnothers?: boolean;
}

/** Of ours, one file at the most is above the saved position: it is saved for each. */
const LEAST_OF_STOCK = 2;

/**
 * Whether a stock Litestream has run on this volume since our position was saved (someone rolled back to it, and forward
 * again): then one of its files is the last of a replica, which no unsaved one of ours can be. It need not be its last
 * file: where it was killed, there are some that no replica has got yet; and the last of the replica may be a snapshot of
 * its own making, ahead of the files it has brought there.
 */
export function isContinuedByStock({ above, content }: LoadedStaging, replicas: readonly LastOfReplica[]): boolean {
  const first = above[0]?.minTxid ?? 0;
  const last = above.at(-1)?.maxTxid ?? 0;
  return replicas.some(({ listedTxid, fileChecksums, isAnothers }) => {
    if (above.some(({ fileChecksum }) => fileChecksums.includes(fileChecksum))) return true;
    if (isAnothers === true || above.length < LEAST_OF_STOCK || listedTxid <= content.position.txid) return false;
    return first <= listedTxid + 1 && listedTxid <= last;
  });
}

/** The staging folder as stock Litestream left it: its numbering goes on, with a file of every page. */
export function afterStock(folder: StagingFolder, staged: LoadedStaging): LoadedStaging {
  const level0 = [...staged.content.level0, ...staged.above];
  const position = positionOfStock(level0);
  const checksums = pageChecksumsOf(folder, position, undefined);
  return {
    content: { position, level0, snapshot: undefined, checksums },
    known: knownState(position, undefined),
    above: [],
    close: staged.close,
  };
}

function knownState(position: LocalPosition, checksums: PageChecksumSource | undefined): KnownState {
  if (position.txid === 0) return { kind: 'nothing' };
  return { kind: 'earlier', position: position.wal, checksums, commit: position.commit };
}

/** A kill between a snapshot and the position that names it loses nothing: it ends where the position stands. */
function withSnapshot(position: LocalPosition, snapshot: StagedFile | undefined): LocalPosition {
  const { txid: at, fileChecksums } = position;
  if (snapshot?.maxTxid !== at || fileChecksums.includes(snapshot.fileChecksum)) return position;
  return { ...position, fileChecksums: [...fileChecksums, snapshot.fileChecksum] };
}

/** The first write after it is taken for a new page size, and so for a file of every page. */
function positionOfStock(level0: readonly StagedFile[]): LocalPosition {
  const last = level0.at(-1);
  if (last === undefined) return noPosition;
  return { ...noPosition, txid: last.maxTxid, timestamp: last.timestamp, fileChecksums: [last.fileChecksum] };
}

interface LoadedChecksums {
  readonly header: ChecksumFileHeader;
  readonly file: NonNullable<Awaited<ReturnType<typeof openChecksumFile>>>['file'];
  readonly later: ReadonlyMap<number, bigint>;
}

/**
 * The checksum file and what the staged files since have changed; undefined where the two do not meet. A staged file
 * that its disk has damaged is named: what it brought is in the database, but no replica must get it.
 */
async function loadChecksums(
  path: string,
  position: LocalPosition,
  level0: readonly StagedFile[],
): Promise<LoadedChecksums | { readonly damaged: StagedFile } | undefined> {
  const opened = await openChecksumFile(path);
  if (opened === undefined) return undefined;
  const { header, file } = opened;
  const since = level0.filter((staged) => staged.maxTxid > header.txid);
  const meets = header.txid <= position.txid && since.length === position.txid - header.txid;
  if (!meets || header.pageSize !== position.pageSize) {
    await file.close();
    return undefined;
  }
  const later = new Map<number, bigint>();
  for (const staged of since) {
    try {
      for await (const batch of decodeLtx(createReadStream(staged.path, { highWaterMark: 1 << 18 }))) {
        for (const page of batch) later.set(page.number, pageChecksum(page.number, page.data));
      }
    } catch (error) {
      await file.close();
      if (isStationError(error, 'LTX_INVALID', 'LTX_TRUNCATED', 'LTX_CHECKSUM')) return { damaged: staged };
      throw error;
    }
  }
  return { header, file, later };
}

function pageChecksumsOf(
  folder: StagingFolder,
  position: LocalPosition,
  loaded: LoadedChecksums | undefined,
): PageChecksums {
  const { pageSize, commit, txid: at } = position;
  const current = loaded && { pageSize, commit, txid: at };
  return new PageChecksums(folder.pageChecksums, loaded?.header, current, loaded?.later ?? new Map());
}

/** The state right after a restore: position and checksums are those of the restored file. */
export async function restoredContent(
  folder: StagingFolder,
  position: LocalPosition,
  level0: readonly StagedFile[],
): Promise<StagingContent> {
  const opened = await openChecksumFile(folder.pageChecksums);
  await opened?.file.close();
  const header = opened?.header;
  const usable = header?.txid === position.txid ? header : undefined;
  return {
    position,
    level0,
    snapshot: undefined,
    checksums: new PageChecksums(folder.pageChecksums, usable, usable, new Map()),
  };
}

/** Level-0 files that may stay after a restore: those that lead, without a gap, to the very file it ended with. */
export function provenFiles(level0: readonly StagedFile[], restored: LocalPosition): readonly StagedFile[] {
  const end = level0.findIndex(
    (file) => file.maxTxid === restored.txid && restored.fileChecksums.includes(file.fileChecksum),
  );
  let from = end;
  while (from > 0 && level0[from - 1]?.maxTxid === txid((level0[from]?.minTxid ?? 0) - 1)) from -= 1;
  return end < 0 ? [] : level0.slice(from, end + 1);
}
