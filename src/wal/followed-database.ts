import type { AttachedDatabase } from './attached-database.ts';
import { Capture, type CaptureOptions, LostContinuity } from './capture.ts';
import type { ChangeSet, Snapshot } from './change-set.ts';
import { checkpointInThread } from './checkpoint-thread.ts';
import type { CheckpointOutcome } from './checkpointer.ts';
import type { FollowerNotice } from './follower.ts';
import { Holds } from './holds.ts';
import { readBaseline, readSnapshot } from './read-whole.ts';
import type { Baseline, StartState } from './start-state.ts';
import type { WalPosition } from './wal-position.ts';
import { sameWal } from './wal-reader.ts';

/** More than this is not read in one go: it would stop the event loop for longer than a tick. */
const AT_ONCE = 8 * 1024 * 1024;
/** A checkpoint of more than this goes to a thread. */
const IN_THREAD = 16 * 1024 * 1024;

/**
 * The leapfrog: what may be done with one attached database, in the only order that loses nothing.
 * Its methods must run one at a time.
 */
export class FollowedDatabase {
  readonly database: AttachedDatabase;
  readonly #capture: Capture;
  readonly #holds: Holds;
  readonly #released: () => void;
  readonly #notice: (notice: FollowerNotice) => void;
  #baseline: Baseline | undefined;
  #otherwise: Baseline = { why: 'first' };
  #ending = false;
  /** A checkpoint under way in a thread, with a connection of its own. */
  #thread: Promise<void> | undefined;

  /** `released` is called when something that stood in the way is gone: the last snapshot, or the thread. */
  constructor(database: AttachedDatabase, start: StartState, options: CaptureOptions, released: () => void) {
    this.database = database;
    this.#released = released;
    this.#notice = (notice) => options.events.notice(notice);
    this.#capture = new Capture(database, options);
    this.#holds = new Holds(() => {
      if (this.#ending) this.close();
      else this.#released();
    });
    if (start.kind === 'baseline') {
      this.#baseline = start.baseline;
      return;
    }
    this.#otherwise = start.otherwise;
    this.#capture.startAt(start.position, start.commit);
    // Under READ(0) these frames are safe only until the next writer starts the WAL over: the sooner the better.
    if (this.#capture.backlog <= AT_ONCE) this.#capture.copyAtOnce();
  }

  get hasChanges(): boolean {
    return this.#baseline !== undefined || this.#capture.hasChanges;
  }

  get position(): WalPosition | undefined {
    return this.#baseline === undefined ? this.#capture.position : undefined;
  }

  get isHeld(): boolean {
    return this.#holds.isAny;
  }

  addPage(page: number, data: Uint8Array): void {
    this.#capture.addPage(page, data);
  }

  get pageSize(): number {
    return this.#capture.pageSize;
  }

  /** Reads new frames, and leaves the read mark where it is. */
  async read(): Promise<void> {
    await this.#copy();
  }

  /**
   * One leap. The invariant of all capture: the older reader is let go of only after every frame up to the newer
   * one's mark has been read. A held snapshot keeps the older reader where it is; then frames are only read.
   */
  async leap(): Promise<'leapt' | 'held' | 'busy'> {
    if (this.isHeld || !this.database.beginLeap()) {
      await this.#copy();
      return this.isHeld ? 'held' : 'busy';
    }
    try {
      await this.#copy();
    } catch (error) {
      this.database.abandonLeap();
      throw error;
    }
    this.database.endLeap();
    return 'leapt';
  }

  /**
   * Copies frames into the database file, and moves to a mark that lets the next writer start the WAL over. Many frames
   * are left to a thread; when it is done, the loop finds them backfilled and comes back for the rest.
   */
  async checkpoint(): Promise<CheckpointOutcome> {
    if ((await this.leap()) !== 'leapt') return 'busy';
    if (this.#thread !== undefined) return 'partial';
    const { frames, backfilled } = await this.database.readableIndex();
    if ((frames - backfilled) * this.pageSize > IN_THREAD) {
      this.#thread = checkpointInThread(this.database.path).then(() => {
        this.#thread = undefined;
        this.#released();
      });
      return 'partial';
    }
    const outcome = this.database.checkpointer.passive();
    await this.leap();
    return outcome;
  }

  /**
   * The forced step, for a writer that never pauses: stops writers for the moment that one complete checkpoint takes.
   * An application without busy timeout sees SQLITE_BUSY meanwhile. Answers how long they were stopped, in
   * milliseconds, or undefined if a writer was at it.
   */
  async force(): Promise<number | undefined> {
    if ((await this.checkpoint()) === 'busy' || this.isHeld || this.#thread !== undefined) return undefined;
    const began = performance.now();
    const stopped = this.database.checkpointer.withWritersStopped(() => {
      if (this.#capture.backlog > AT_ONCE || !this.#leapAtOnce()) return;
      this.database.checkpointer.passive();
      this.#leapAtOnce();
    });
    return stopped ? performance.now() - began : undefined;
  }

  /** Everything read and not handed over yet; with a snapshot of exactly that state if asked for. */
  async take(wantSnapshot: boolean): Promise<{ changeSet: ChangeSet | undefined; snapshot: Snapshot | undefined }> {
    await this.leap();
    const changeSet =
      this.#baseline === undefined ? await this.#capture.freeze() : await this.#takeBaseline(this.#baseline);
    const empty = this.#capture.commit === 0;
    if (!wantSnapshot || empty) return { changeSet, snapshot: undefined };
    return { changeSet, snapshot: await readSnapshot(this.#capture, this.#holds.take()) };
  }

  /**
   * The end of following: reads the tail, closes the connections, and reads once more what was written between the
   * two. While a snapshot is held, its last release closes them.
   */
  async end(): Promise<ChangeSet | undefined> {
    const { changeSet } = this.#baseline === undefined ? { changeSet: undefined } : await this.take(false);
    if (this.isHeld) {
      this.#ending = true;
      return changeSet ?? (await this.take(false)).changeSet;
    }
    await this.#checkpointForTheEnd();
    await this.leap();
    const before = this.#capture.position;
    this.database.disconnect();
    try {
      const certain = await this.#copyUnprotected(before);
      const tail = await this.#capture.freeze();
      return tail === undefined || certain ? tail : { ...tail, position: undefined };
    } finally {
      this.#closeFiles();
    }
  }

  /** Leaves little to the last close, which copies on the event loop. A full disk must not keep the tail from being read. */
  async #checkpointForTheEnd(): Promise<void> {
    try {
      await this.checkpoint();
      await this.#thread;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#notice({ level: 'warn', message: 'the last checkpoint failed; the WAL stays', fields: { error: message } });
    }
  }

  /**
   * Reads what was written between the last leap and the closing. No mark protects it: if the WAL restarts now, which
   * takes a writer that has outlived the budget, frames may be missing. False then, so that the next start compares.
   */
  async #copyUnprotected(before: WalPosition | undefined): Promise<boolean> {
    try {
      await this.#capture.copy();
      const after = this.#capture.position;
      return before === undefined || after === undefined || sameWal(before, after);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#notice({ level: 'warn', message: 'the database is still written to', fields: { error: message } });
      return false;
    }
  }

  /** Closes everything at once, or when the last snapshot is released. */
  close(): void {
    this.#ending = true;
    if (this.isHeld) return;
    this.database.disconnect();
    this.#closeFiles();
  }

  /** Not while the thread has a connection: closing a descriptor would drop its locks. */
  #closeFiles(): void {
    if (this.#thread === undefined) this.database.closeFiles();
    else void this.#thread.then(() => this.database.closeFiles());
  }

  async #copy(): Promise<void> {
    if (this.#baseline !== undefined) return;
    try {
      await this.#capture.copy();
    } catch (error) {
      if (!(error instanceof LostContinuity)) throw error;
      this.#baseline = this.#otherwise;
    }
  }

  #leapAtOnce(): boolean {
    if (!this.database.beginLeap()) return false;
    try {
      if (this.#baseline === undefined) this.#capture.copyAtOnce();
    } catch (error) {
      this.database.abandonLeap();
      throw error;
    }
    this.database.endLeap();
    return true;
  }

  async #takeBaseline(baseline: Baseline): Promise<ChangeSet | undefined> {
    await this.#capture.jumpToEnd();
    if (this.#capture.commit === 0) return undefined;
    const changeSet = await readBaseline(baseline, this.#capture, this.#holds.take());
    this.#baseline = undefined;
    return changeSet;
  }
}
