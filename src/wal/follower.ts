import type { Page } from '../page.ts';
import type { ChangeSet, Snapshot } from './change-set.ts';
import type { WalPosition } from './wal-position.ts';

/** One 8-byte checksum per page of the last replicated state, for coming back after downtime. */
export interface PageChecksumSource {
  readonly pageSize: number;
  /** Number of pages of that state. */
  readonly commit: number;
  /** Checksums of `count` pages from `first` (1-based), as `pageChecksum` of src/ltx computes them. */
  read(first: number, count: number): Promise<BigUint64Array>;
}

/** What is known of the state that was replicated last. */
export type KnownState =
  /** Nothing: the first change set holds every page. */
  | { readonly kind: 'nothing' }
  /** This process has just put the database file there, byte for byte; there is no WAL yet. */
  | { readonly kind: 'restored'; readonly pageSize: number; readonly commit: number }
  /** Replicated by an earlier process. If `position` no longer proves itself, pages are compared with `checksums`. */
  | {
      readonly kind: 'earlier';
      readonly position: WalPosition | undefined;
      readonly checksums: PageChecksumSource | undefined;
      readonly commit: number;
    };

/** What a follower tells of while it works. All are called on the event loop and must not block. */
export interface FollowerEvents {
  /** Commits were noticed that no change set holds yet. Called at most once until the next `changes()`. */
  committed(): void;
  /** The database file was removed or replaced; the next change set but one is `new-database`. */
  replaced(): void;
  /** Something an operator should read: SQLITE_BUSY that persists, journal mode, locking mode, a forced step. */
  notice(notice: FollowerNotice): void;
  /**
   * Every committed frame, in the order of the WAL, before it is merged with others; for tests that follow each
   * transaction. `commit` is the database size at the last frame of a transaction, else 0; the data is valid during the call.
   */
  frame?(page: Page, commit: number): void;
}

export interface FollowerNotice {
  readonly level: 'debug' | 'info' | 'warn';
  readonly message: string;
  readonly fields?: Readonly<Record<string, string | number>>;
}

export interface FollowerOptions {
  /** The database file; it need not exist yet, nor be in WAL mode. */
  readonly path: string;
  /** A folder of ours, on the same disk, for pages that do not fit in memory. */
  readonly spillFolder: string;
  readonly known: KnownState;
  readonly events: FollowerEvents;
  readonly checkpoint?: Partial<CheckpointLimits>;
}

export interface CheckpointLimits {
  /** Frames above which a checkpoint is made at the next quiet tick. */
  readonly quietFrames: number;
  /** Frames above which the forced step is taken, quiet or not; 0 means never. */
  readonly forcedFrames: number;
}

/** Follows one database file, written by other processes, and misses no committed frame. */
export interface Follower {
  /**
   * Everything committed up to now that no earlier change set holds, or undefined if there is nothing.
   * With `snapshot`, the database exactly as after that change set (or as after the last one, if there is none);
   * undefined while there is no database to read.
   */
  changes(options?: { readonly snapshot?: boolean }): Promise<{
    readonly changeSet: ChangeSet | undefined;
    readonly snapshot: Snapshot | undefined;
    /**
     * Where to go on after what was handed over, also when that is nothing: after downtime in which nothing changed
     * there is no change set, and yet a new position to save. Undefined where none could prove itself later.
     */
    readonly position: WalPosition | undefined;
    /** There is more to read than this call could: another database took the place of this one, or it is locked. */
    readonly unread?: boolean;
  }>;
  /**
   * The end: call when no other process has the database open any more (or the budget is used up).
   * Reads the tail, closes all connections (which checkpoints and removes the WAL if they are the last), reads once
   * more, and returns the change sets not taken yet: none, one, or several where the database was replaced.
   */
  finish(): Promise<readonly ChangeSet[]>;
}
