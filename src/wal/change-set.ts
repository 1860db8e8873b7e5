import type { Page } from '../page.ts';
import type { WalPosition } from './wal-position.ts';

/**
 * Everything committed since the last change set, ready to become one level-0 LTX file.
 *
 * `why` says what its pages are:
 * - `commits`: those the WAL brought (plus, when the database grew, pages the WAL did not carry);
 * - `first`: every page, nothing being known of an earlier state;
 * - `downtime`: those that differ from the page checksums of the last known state;
 * - `new-database`: every page of a database file that took the place of the one followed before.
 */
export interface ChangeSet {
  readonly why: 'commits' | 'first' | 'downtime' | 'new-database';
  readonly pageSize: number;
  /** Database size in pages after this change. */
  readonly commit: number;
  /** SQLite transactions seen in it; 0 where pages were found by comparing. */
  readonly transactions: number;
  /** Range of the current WAL that it covers, for the LTX header; offset ≥ 32. */
  readonly wal: {
    readonly offset: number;
    readonly size: number;
    readonly salt1: number;
    readonly salt2: number;
  };
  /** Where to go on after it. Undefined where no WAL position could prove it later. */
  readonly position: WalPosition | undefined;
  /**
   * The pages in batches, ascending by number, each at most once, none above `commit`, never the lock page.
   * Page data is only valid until the next batch is asked for. May be read again until released.
   */
  pages(): AsyncIterable<readonly Page[]>;
  /** Frees what holds the pages. Must be called once, when the LTX file is durable. */
  release(): Promise<void>;
}

/** The whole database as of one moment, readable while writers go on. WAL restarts wait until it is released. */
export interface Snapshot {
  readonly pageSize: number;
  readonly commit: number;
  readonly wal: ChangeSet['wal'];
  /** Every page but the lock page, ascending, in batches; page data is valid until the next batch is asked for. */
  pages(): AsyncIterable<readonly Page[]>;
  release(): Promise<void>;
}
