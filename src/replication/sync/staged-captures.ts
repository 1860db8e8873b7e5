import { type Milliseconds, milliseconds, type Txid } from '../../quantities.ts';
import type { ChangeSet, Snapshot } from '../../wal/change-set.ts';
import type { Follower } from '../../wal/follower.ts';
import type { WalPosition } from '../../wal/wal-position.ts';
import { sameWal } from '../../wal/wal-reader.ts';
import type { StagedFile } from '../staging/staged-files.ts';
import type { Staging } from '../staging/staging.ts';

/** What one capture came to. */
export interface Captured {
  /** The database as of the staged position, where that was asked for and there is one; whoever gets it releases it. */
  readonly snapshot: Snapshot | undefined;
  /** Whether there is more that could not be read now. */
  readonly isUnread: boolean;
}

/** Brings what the follower has read to the disk, in order: a full disk delays it, and loses nothing of it. */
export class StagedCaptures {
  readonly #follower: Follower;
  readonly #staging: Staging;
  readonly #monotonicClock: () => Milliseconds;
  readonly #captured: (file: StagedFile, changes: ChangeSet) => void;
  /** Taken from the follower but not yet on disk, oldest first. */
  readonly #unwritten: ChangeSet[] = [];
  #lastStart: Milliseconds | undefined;

  /** @param captured called when a change set is durable in the staging folder */
  constructor(
    follower: Follower,
    staging: Staging,
    monotonicClock: () => Milliseconds,
    captured: (file: StagedFile, changes: ChangeSet) => void,
  ) {
    this.#follower = follower;
    this.#staging = staging;
    this.#monotonicClock = monotonicClock;
    this.#captured = captured;
  }

  get hasUnwritten(): boolean {
    return this.#unwritten.length > 0;
  }

  /** When the last capture began that found changes; undefined: none yet. */
  get lastStart(): Milliseconds | undefined {
    return this.#lastStart;
  }

  /** @throws StationError CAPTURE_FAILED, STAGING_FAILED: then no snapshot is held */
  async take(wantSnapshot: boolean): Promise<Captured> {
    const started = this.#monotonicClock();
    // First what is left of an earlier try: taking more and more would fill the memory of a machine with a full disk.
    await this.#writeOut();
    const taken = await this.#follower.changes({ snapshot: wantSnapshot });
    const { changeSet, snapshot, position } = taken;
    try {
      if (changeSet !== undefined) {
        this.#lastStart = started;
        this.#unwritten.push(changeSet);
        await this.#writeOut();
      } else if (position !== undefined) {
        await this.#noteWalPosition(position);
      }
    } catch (error) {
      await snapshot?.release();
      throw error;
    }
    return { snapshot, isUnread: taken.unread === true };
  }

  /** Stages the whole database, as of the staged position or, where that is no higher than `above`, a higher one. */
  async stageSnapshot(snapshot: Snapshot, above: Txid): Promise<void> {
    const staging = this.#staging;
    if (staging.position.txid <= above) await staging.continueAbove({ txid: above, timestamp: milliseconds(0) });
    await staging.stageSnapshot(snapshot);
  }

  /** Reads the tail, closes the database. @throws StationError where the tail could not be captured or staged */
  async finish(): Promise<void> {
    this.#unwritten.push(...(await this.#follower.finish()));
    await this.#writeOut();
  }

  /** Closes the database, and leaves all that is not staged: the next start reads on from the saved position. */
  async abandon(): Promise<void> {
    const left = this.#unwritten.splice(0);
    left.push(...(await this.#follower.finish()));
    for (const changes of left) await changes.release();
  }

  /** Where nothing was committed since the last start, the position alone has changed. */
  async #noteWalPosition(position: WalPosition): Promise<void> {
    const { txid: at, wal } = this.#staging.position;
    if (at === 0 || (wal !== undefined && sameWal(wal, position) && wal.offset === position.offset)) return;
    await this.#staging.moveWalPosition(position);
  }

  async #writeOut(): Promise<void> {
    for (let changes = this.#unwritten[0]; changes !== undefined; changes = this.#unwritten[0]) {
      const file = await this.#staging.append(changes);
      this.#unwritten.shift();
      await changes.release();
      this.#captured(file, changes);
    }
  }
}
