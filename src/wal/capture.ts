import { setImmediate as nextTurn } from 'node:timers/promises';
import { StationError } from '../errors.ts';
import { pageNumber } from '../quantities.ts';
import type { AttachedDatabase } from './attached-database.ts';
import { changeSetOf, type WalRange } from './captured-change-set.ts';
import type { ChangeSet } from './change-set.ts';
import { pageSizeOf } from './database-file.ts';
import type { FollowerEvents } from './follower.ts';
import { fillGrowth } from './growth-fill.ts';
import { PendingPages } from './pending-pages.ts';
import type { FrameReceiver } from './wal-frame.ts';
import { WAL_HEADER_SIZE } from './wal-header.ts';
import type { WalIndex } from './wal-index.ts';
import type { WalPosition } from './wal-position.ts';
import { endOfWal, readFrames, sameWal, startOfWal } from './wal-reader.ts';

export interface CaptureOptions {
  readonly spillFolder: string;
  readonly events: FollowerEvents;
}

/**
 * What has been read from one database's WAL: up to where, and the pages that no change set holds yet.
 * Every method must run alone: its caller keeps them in a queue.
 */
export class Capture {
  readonly database: AttachedDatabase;
  readonly #options: CaptureOptions;
  #pageSize: number;
  /** Everything before it has been read; undefined while no WAL with a frame was seen. */
  #position: WalPosition | undefined;
  /** Database size in pages at `#position`. */
  #commit = 0;
  /** Least size since the last change set, its own included. */
  #smallest = 0;
  #transactions = 0;
  #rangeStart = WAL_HEADER_SIZE;
  #pending: PendingPages;
  /** Set while frames were found at the start that our reader may not protect: see `startAt`. */
  #unprotected = false;

  constructor(database: AttachedDatabase, options: CaptureOptions) {
    this.database = database;
    this.#options = options;
    this.#pageSize = pageSizeOf(database.databaseFile) ?? database.index().pageSize;
    this.#pending = this.#newPending();
  }

  get pageSize(): number {
    return this.#pageSize;
  }

  get position(): WalPosition | undefined {
    return this.#position;
  }

  get commit(): number {
    return this.#commit;
  }

  get hasChanges(): boolean {
    return this.#transactions > 0 || this.#pending.size > 0;
  }

  /** The WAL range of a file that holds pages as of the current position, and no frames of their own. */
  get emptyRange(): WalRange {
    return rangeOf(this.#position, this.#position?.offset ?? WAL_HEADER_SIZE);
  }

  /**
   * Goes on from a state known earlier. Frames that are in the WAL already were written before we held a mark: should
   * the WAL restart before they are read, they are lost (`continuity` false), and pages must be compared.
   */
  startAt(position: WalPosition | undefined, commit: number): void {
    this.#reset(position, commit);
    this.#unprotected = position !== undefined && !this.#isRead(this.database.index());
  }

  /** Forgets what was read, and takes the end of the WAL as the position: its pages are read in another way. */
  async jumpToEnd(): Promise<void> {
    const index = await this.database.readableIndex();
    const position = endOfWal(index);
    const pages = Math.floor(this.database.fileSize() / this.#pageSize);
    this.#reset(position, position === undefined ? pages : index.commit);
    this.#unprotected = false;
  }

  /** Marks a page as changed although no frame says so. */
  addPage(page: number, data: Uint8Array): void {
    this.#pending.put(page, data);
  }

  /** Reads every committed frame, in one go. Answers true if there were any. */
  copyAtOnce(): boolean {
    const index = this.database.index();
    if (this.#isRead(index)) return false;
    for (const _ of this.#copy(index));
    return true;
  }

  /** Reads every frame that is committed when it is called, letting the event loop turn between chunks. */
  async copy(): Promise<boolean> {
    const index = this.database.indexIfReadable() ?? (await this.database.readableIndex());
    if (this.#isRead(index)) return false;
    for (const _ of this.#copy(index)) await nextTurn();
    return true;
  }

  /** Bytes that a copy would have to read now. */
  get backlog(): number {
    const index = this.database.index();
    const end = endOfWal(index);
    if (end === undefined || this.#isRead(index)) return 0;
    const same = this.#position !== undefined && sameWal(this.#position, end);
    return end.offset - (same ? (this.#position?.offset ?? 0) : 0);
  }

  /** Hands what has been read over as a change set, and starts a new one. Undefined if there is nothing. */
  async freeze(): Promise<ChangeSet | undefined> {
    if (!this.hasChanges) return undefined;
    await fillGrowth(this.database, this.#position, this.#smallest, this.#commit, this.#pending);
    const changeSet = changeSetOf(this.#pending, {
      why: 'commits',
      commit: this.#commit,
      transactions: this.#transactions,
      wal: rangeOf(this.#position, this.#rangeStart),
      position: this.#position,
    });
    this.#reset(this.#position, this.#commit);
    return changeSet;
  }

  close(): void {
    this.#pending.close();
  }

  #isRead(index: WalIndex): boolean {
    if (index.frames === 0) return true;
    const end = endOfWal(index);
    return (
      end !== undefined &&
      this.#position !== undefined &&
      sameWal(this.#position, end) &&
      end.offset === this.#position.offset
    );
  }

  *#copy(index: WalIndex): Generator<void> {
    const end = endOfWal(index);
    if (end === undefined) return;
    const { from, rangeStart } = this.#whereToGoOn(end);
    let transactions = 0;
    let smallest = this.#smallest;
    const receive: FrameReceiver = (page, commit, data) => {
      this.#pending.put(page, data);
      if (commit !== 0) {
        transactions += 1;
        smallest = Math.min(smallest, commit);
      }
      this.#options.events.frame?.({ number: pageNumber(page), data }, commit);
    };
    yield* readFrames(this.database.walFile, from, end, index.order, receive);
    this.#position = end;
    this.#rangeStart = rangeStart;
    this.#commit = index.commit;
    this.#smallest = smallest;
    this.#transactions += transactions;
    this.#unprotected = false;
  }

  #whereToGoOn(end: WalPosition): { from: WalPosition; rangeStart: number } {
    if (this.#position !== undefined && sameWal(this.#position, end)) {
      if (end.offset >= this.#position.offset) return { from: this.#position, rangeStart: this.#rangeStart };
      throw new StationError('CAPTURE_FAILED', 'the WAL became shorter than what was read of it');
    }
    if (this.#unprotected) throw new LostContinuity();
    const start = startOfWal(this.database.walFile);
    if (start === undefined || !sameWal(start, end)) {
      throw new StationError('CAPTURE_FAILED', 'header and wal-index of the WAL disagree');
    }
    return { from: start, rangeStart: WAL_HEADER_SIZE };
  }

  #reset(position: WalPosition | undefined, commit: number): void {
    this.#position = position;
    this.#commit = commit;
    this.#smallest = commit;
    this.#transactions = 0;
    this.#rangeStart = position?.offset ?? WAL_HEADER_SIZE;
    this.#pending = this.#newPending();
  }

  #newPending(): PendingPages {
    return new PendingPages(this.#pageSize, this.#options.spillFolder);
  }
}

/** Frames written before we held a mark were overwritten before they could be read. */
export class LostContinuity extends StationError {
  constructor() {
    super('CAPTURE_FAILED', 'the WAL restarted before the frames written earlier could be read');
  }
}

function rangeOf(position: WalPosition | undefined, start: number): WalRange {
  if (position === undefined) return { offset: WAL_HEADER_SIZE, size: 0, salt1: 0, salt2: 0 };
  return { offset: start, size: position.offset - start, salt1: position.salt1, salt2: position.salt2 };
}
