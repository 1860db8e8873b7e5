import { StationError } from '../../errors.ts';
import { faultPoint } from '../../fault-points.ts';
import type { LtxHeader } from '../../ltx/header.ts';
import { type Bytes, bytes, type Milliseconds, milliseconds, pageNumber, type Txid, txid } from '../../quantities.ts';
import type { ChangeSet, Snapshot } from '../../wal/change-set.ts';
import type { WalPosition } from '../../wal/wal-position.ts';
import type { PageChecksums } from './page-checksums.ts';
import { type LocalPosition, landmarksAfter, savePosition } from './position-file.ts';
import { firstAbove, removeStagedFiles, type StagedFile } from './staged-files.ts';
import { planStaging, type StagingReader } from './staging-cap.ts';
import type { StagingFolder } from './staging-folder.ts';
import { writeLtxFile } from './write-ltx.ts';

/** Uploaded files are kept until this much has gathered: then the page checksums are folded once for all of them. */
const TIDY_FILES = 64;
const TIDY_BYTES = 16 << 20;

export interface StagingContent {
  readonly position: LocalPosition;
  readonly level0: readonly StagedFile[];
  readonly snapshot: StagedFile | undefined;
  readonly checksums: PageChecksums;
}

/** Where histories end that this one does not continue. */
export interface HistoryEnd {
  readonly txid: Txid;
  readonly timestamp: Milliseconds;
}

/** What is captured of one database, durable on this machine: its position, and the files replicas still need. */
export class Staging {
  readonly #folder: StagingFolder;
  readonly #checksums: PageChecksums;
  readonly #wallClock: () => Milliseconds;
  #position: LocalPosition;
  #level0: readonly StagedFile[];
  #snapshot: StagedFile | undefined;

  constructor(folder: StagingFolder, content: StagingContent, wallClock: () => Milliseconds) {
    this.#folder = folder;
    this.#checksums = content.checksums;
    this.#position = content.position;
    this.#level0 = content.level0;
    this.#snapshot = content.snapshot;
    this.#wallClock = wallClock;
  }

  get position(): LocalPosition {
    return this.#position;
  }

  /** Level-0 files in TXID order. */
  get level0(): readonly StagedFile[] {
    return this.#level0;
  }

  /** The newest whole-database file, if one is staged from which level-0 files lead to the position without a gap. */
  get snapshot(): StagedFile | undefined {
    const end = this.#snapshot?.maxTxid;
    if (end === undefined) return undefined;
    const later = this.#level0.length - firstAbove(this.#level0, end);
    return later === this.#position.txid - end ? this.#snapshot : undefined;
  }

  /**
   * Makes a change set durable as the LTX file of the next TXID. A database made anew with another page size cannot
   * be merged with what came before, so it becomes a snapshot above it instead of a level-0 file.
   * @throws StationError STAGING_FAILED; nothing has happened then, and the change set can be tried again
   */
  async append(changes: ChangeSet): Promise<StagedFile> {
    const { pageSize, commit, position: wal } = changes;
    const before = this.#position;
    const next = txid(before.txid + 1);
    const restarts = before.txid > 0 && before.pageSize !== pageSize;
    const wholeDatabase = changes.why === 'first' || changes.why === 'new-database';
    const header = ltxHeader(restarts ? txid(1) : next, next, this.#nextTimestamp(), changes);
    const obsolete = restarts ? this.#snapshot : undefined;
    let file: StagedFile;
    try {
      await this.#checksums.begin(wholeDatabase ? 'every-page' : 'changes');
      file = await this.#write(restarts ? 9 : 0, header, changes);
      faultPoint('before-position');
      const { timestamp } = header;
      await this.#moveTo({ ...before, txid: next, timestamp, pageSize, commit, wal }, file);
    } catch (error) {
      await this.#checksums.abandon();
      throw stagingError(error);
    }
    await this.#checksums.settle({ pageSize, commit, txid: next });
    if (obsolete !== undefined) await removeObsolete([obsolete]);
    return file;
  }

  /**
   * Makes the whole database durable as one file that ends at the current TXID.
   * @throws StationError STAGING_FAILED; nothing has happened then
   */
  async stageSnapshot(snapshot: Snapshot): Promise<StagedFile> {
    const { txid: at, timestamp } = this.#position;
    if (this.snapshot?.maxTxid === at) return this.snapshot;
    const obsolete = this.#snapshot;
    const file = await this.#write(9, ltxHeader(txid(1), at, timestamp, snapshot), snapshot);
    try {
      await this.#moveTo(this.#position, file);
    } catch (error) {
      throw stagingError(error);
    }
    if (obsolete !== undefined && obsolete.path !== file.path) await removeObsolete([obsolete]);
    return file;
  }

  /**
   * Goes on above where other histories end: the current state gets the next free TXID and a later time than theirs,
   * and replicas get it as a snapshot.
   * @throws StationError STAGING_FAILED
   */
  async continueAbove(others: HistoryEnd): Promise<void> {
    const { pageSize, commit } = this.#position;
    const next = txid(Math.max(others.txid, this.#position.txid) + 1);
    const timestamp = milliseconds(Math.max(this.#nextTimestamp(), others.timestamp + 1));
    try {
      await this.#moveTo({ ...this.#position, txid: next, timestamp });
    } catch (error) {
      throw stagingError(error);
    }
    await this.#checksums.settle({ pageSize, commit, txid: next });
    await this.#checksums.fold();
  }

  /**
   * Takes the next TXID with a file that changes nothing: page 1 as it is at the position. Its time is the earliest that
   * can be, so that a file of somebody else's that took the same TXID elsewhere is the newer one of the two.
   * @throws StationError STAGING_FAILED; nothing has happened then
   */
  async claim(pageOne: Uint8Array): Promise<StagedFile> {
    const before = this.#position;
    const { pageSize, commit } = before;
    const next = txid(before.txid + 1);
    const timestamp = milliseconds(before.timestamp + 1);
    const source = { pageSize, commit, wal: { offset: 0, size: 0, salt1: 0, salt2: 0 } };
    const pages = async function* () {
      yield [{ number: pageNumber(1), data: pageOne }];
    };
    const file = await writeLtxFile(
      this.#folder.level0,
      0,
      ltxHeader(next, next, timestamp, source),
      pages(),
      () => {},
    );
    try {
      await this.#moveTo({ ...before, txid: next, timestamp }, file);
    } catch (error) {
      throw stagingError(error);
    }
    await this.#checksums.settle({ pageSize, commit, txid: next });
    return file;
  }

  /**
   * Saves where reading the WAL goes on while nothing else has changed: after downtime without a commit, the next
   * start need not compare every page again.
   * @throws StationError STAGING_FAILED
   */
  async moveWalPosition(wal: WalPosition): Promise<void> {
    try {
      await savePosition(this.#folder.position, { ...this.#position, wal });
    } catch (error) {
      throw stagingError(error);
    }
    this.#position = { ...this.#position, wal };
  }

  /** Removes what every replica holds, and past the cap what only unreachable ones lack. */
  async tidy(
    readers: readonly StagingReader[],
    cap: Bytes,
    when: 'now' | 'in-batches',
  ): Promise<{ readonly dropped: readonly StagedFile[] }> {
    await this.#tidySnapshot(readers);
    const { finished, dropped } = planStaging(this.#level0, readers, cap);
    const size = finished.reduce((sum, file) => sum + file.size, 0);
    const enough = when === 'now' || finished.length >= TIDY_FILES || size >= TIDY_BYTES;
    const leaving = new Set([...(enough ? finished : []), ...dropped]);
    if (leaving.size > 0 || when === 'now') await this.#checksums.fold();
    this.#level0 = this.#level0.filter((file) => !leaving.has(file));
    await removeObsolete([...leaving]);
    return { dropped };
  }

  /** Bytes of the level-0 files. */
  get size(): Bytes {
    return bytes(this.#level0.reduce((sum, file) => sum + file.size, 0));
  }

  async #tidySnapshot(readers: readonly StagingReader[]): Promise<void> {
    const staged = this.#snapshot;
    if (staged === undefined) return;
    const isNeeded = ({ position, wantsSnapshot }: StagingReader) =>
      wantsSnapshot || position === undefined || position < staged.maxTxid;
    if (this.snapshot !== undefined && readers.some(isNeeded)) return;
    this.#snapshot = undefined;
    await removeObsolete([staged]);
  }

  async #write(level: 0 | 9, header: LtxHeader, source: ChangeSet | Snapshot): Promise<StagedFile> {
    const folder = level === 0 ? this.#folder.level0 : this.#folder.snapshots;
    const record =
      'why' in source
        ? (batch: Parameters<PageChecksums['record']>[0]) => this.#checksums.record(batch)
        : () => undefined;
    return await writeLtxFile(folder, level, header, source.pages(), record);
  }

  /**
   * Saves a position, with the file that was just made durable for it. In memory both change at the same moment: an
   * uploader that saw the one without the other would ask for a snapshot.
   */
  async #moveTo(to: Omit<LocalPosition, 'fileChecksums' | 'landmarks'>, file?: StagedFile): Promise<void> {
    const before = this.#position;
    const isSame = to.txid === before.txid;
    const position: LocalPosition = {
      ...to,
      fileChecksums: [...(isSame ? before.fileChecksums : []), ...(file === undefined ? [] : [file.fileChecksum])],
      landmarks: isSame ? before.landmarks : landmarksAfter(before, this.#level0.slice(-1)),
    };
    await savePosition(this.#folder.position, position);
    this.#position = position;
    if (file?.level === 0) this.#level0 = [...this.#level0, file];
    if (file?.level === 9) this.#snapshot = file;
    faultPoint('after-position');
  }

  /** Later than the last one even where the clock was set back: newest-wins compares these. */
  #nextTimestamp(): Milliseconds {
    return milliseconds(Math.max(this.#wallClock(), this.#position.timestamp + 1));
  }
}

/** A file that stays although nobody needs it costs room, and is removed at the next start: no reason to fail. */
async function removeObsolete(files: readonly StagedFile[]): Promise<void> {
  await removeStagedFiles(files).catch(() => undefined);
}

function stagingError(cause: unknown): StationError {
  if (cause instanceof StationError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StationError('STAGING_FAILED', `the position could not be saved: ${reason}`, { cause });
}

function ltxHeader(
  minTxid: Txid,
  maxTxid: Txid,
  timestamp: Milliseconds,
  source: Pick<Snapshot, 'pageSize' | 'commit' | 'wal'>,
): LtxHeader {
  const { pageSize, commit, wal } = source;
  return { pageSize, commit, minTxid, maxTxid, timestamp, wal, checksums: 'none', nodeId: 0n };
}
