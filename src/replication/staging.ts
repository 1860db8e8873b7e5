import { faultPoint } from '../fault-points.ts';
import type { LtxHeader } from '../ltx/header.ts';
import { type Bytes, bytes, type Milliseconds, milliseconds, type Txid, txid } from '../quantities.ts';
import type { ChangeSet, Snapshot } from '../wal/change-set.ts';
import type { PageChecksums } from './page-checksums.ts';
import { type LocalPosition, savePosition } from './position-file.ts';
import { removeStagedFiles, type StagedFile } from './staged-files.ts';
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

  /** The newest whole-database file, if one is staged. */
  get snapshot(): StagedFile | undefined {
    return this.#snapshot;
  }

  /**
   * Makes a change set durable as the LTX file of the next TXID. A database made anew with another page size cannot
   * be merged with what came before, so it becomes a snapshot above it instead of a level-0 file.
   * @throws StationError STAGING_FAILED; the change set can then be tried again
   */
  async append(changes: ChangeSet): Promise<StagedFile> {
    const before = this.#position;
    const next = txid(before.txid + 1);
    const restarts = before.txid > 0 && before.pageSize !== changes.pageSize;
    const wholeDatabase = changes.why === 'first' || changes.why === 'new-database';
    const header = ltxHeader(restarts ? txid(1) : next, next, this.#nextTimestamp(), changes);

    await this.#checksums.begin(wholeDatabase ? 'every-page' : 'changes');
    let file: StagedFile;
    try {
      file = await this.#write(restarts ? 9 : 0, header, changes);
    } catch (error) {
      await this.#checksums.abandon();
      throw error;
    }
    faultPoint('before-position');
    await this.#moveTo({
      txid: next,
      timestamp: header.timestamp,
      pageSize: changes.pageSize,
      commit: changes.commit,
      fileChecksums: [file.fileChecksum],
      wal: changes.position,
    });
    await this.#checksums.settle({ pageSize: changes.pageSize, commit: changes.commit, txid: next });
    if (restarts) this.#snapshot = file;
    else this.#level0 = [...this.#level0, file];
    return file;
  }

  /** Makes the whole database durable as one file that ends at the current TXID. */
  async stageSnapshot(snapshot: Snapshot): Promise<StagedFile> {
    const { txid: at, timestamp } = this.#position;
    if (this.#snapshot?.maxTxid === at) return this.#snapshot;
    const previous = this.#snapshot;
    const file = await this.#write(9, ltxHeader(txid(1), at, timestamp, snapshot), snapshot);
    await this.#moveTo({ ...this.#position, fileChecksums: [...this.#position.fileChecksums, file.fileChecksum] });
    this.#snapshot = file;
    if (previous !== undefined) await removeStagedFiles([previous]);
    return file;
  }

  /**
   * Goes on above `above`, where other histories end: the current state gets the next free TXID, and replicas
   * get it as a snapshot.
   */
  async continueAbove(above: Txid): Promise<void> {
    const next = txid(Math.max(above, this.#position.txid) + 1);
    await this.#moveTo({ ...this.#position, txid: next, timestamp: this.#nextTimestamp(), fileChecksums: [] });
    await this.#checksums.settle({ pageSize: this.#position.pageSize, commit: this.#position.commit, txid: next });
    await this.#checksums.fold();
  }

  /** Removes what every replica holds, and past the cap what only unreachable ones lack. */
  async tidy(
    readers: readonly StagingReader[],
    cap: Bytes,
    when: 'now' | 'in-batches',
  ): Promise<{ readonly dropped: readonly StagedFile[] }> {
    const plan = planStaging(this.#level0, readers, cap);
    const { txid: at } = this.#position;
    const snapshot = this.#snapshot;
    const needed = (reader: StagingReader) =>
      reader.position === undefined || reader.position < (snapshot?.maxTxid ?? at);
    if (snapshot !== undefined && snapshot.maxTxid <= at && !readers.some(needed)) {
      await removeStagedFiles([snapshot]);
      this.#snapshot = undefined;
    }
    const size = plan.finished.reduce((sum, file) => sum + file.size, 0);
    const enough = when === 'now' || plan.finished.length >= TIDY_FILES || size >= TIDY_BYTES;
    const leaving = [...(enough ? plan.finished : []), ...plan.dropped];
    if (leaving.length > 0) {
      await this.#checksums.fold();
      await removeStagedFiles(leaving);
      this.#level0 = this.#level0.filter((file) => !leaving.includes(file));
    } else if (when === 'now') {
      await this.#checksums.fold();
    }
    return { dropped: plan.dropped };
  }

  /** Bytes of the level-0 files above `position`. */
  bytesAbove(position: Txid): Bytes {
    return bytes(this.#level0.reduce((sum, file) => (file.maxTxid > position ? sum + file.size : sum), 0));
  }

  async #write(level: 0 | 9, header: LtxHeader, source: ChangeSet | Snapshot): Promise<StagedFile> {
    const folder = level === 0 ? this.#folder.level0 : this.#folder.snapshots;
    const record =
      'why' in source
        ? (batch: Parameters<PageChecksums['record']>[0]) => this.#checksums.record(batch)
        : () => undefined;
    return await writeLtxFile(folder, level, header, source.pages(), record);
  }

  async #moveTo(position: LocalPosition): Promise<void> {
    await savePosition(this.#folder.position, position);
    this.#position = position;
    faultPoint('after-position');
  }

  /** Later than the last one even where the clock was set back: newest-wins compares these. */
  #nextTimestamp(): Milliseconds {
    return milliseconds(Math.max(this.#wallClock(), this.#position.timestamp + 1));
  }
}

function ltxHeader(minTxid: Txid, maxTxid: Txid, timestamp: Milliseconds, source: ChangeSet | Snapshot): LtxHeader {
  const { pageSize, commit, wal } = source;
  return { pageSize, commit, minTxid, maxTxid, timestamp, wal, checksums: 'none', nodeId: 0n };
}
