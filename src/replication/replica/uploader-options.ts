import type { StationError } from '../../errors.ts';
import type { Admission } from '../../lease/lease.ts';
import type { Milliseconds, Txid } from '../../quantities.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { StagedFile } from '../staging/staged-files.ts';
import type { Staging } from '../staging/staging.ts';
import type { RemotePosition } from './reconcile.ts';

/** What an uploader tells of; logging it is the listener's business. */
export interface UploaderEvents {
  uploaded(file: StagedFile): void;
  /** A request failed; it is tried again after `delay`. */
  failed(error: StationError, delay: Milliseconds): void;
  /** It answers again after `failures` failures. */
  recovered(failures: number): void;
  /** It needs the whole database; one is to be staged, and `wake` called. */
  needsSnapshot(why: string, above: Txid): void;
  /** Nothing more is sent to it: fenced, or it holds commits that this database never had. */
  stopped(error: StationError): void;
}

/** The right to append to the replica: asked before every request that leads to an upload. */
export interface UploadPermit {
  /** @throws StationError LEASE_LOST; LEASE_HELD, STORAGE_*: not now */
  admit(signal: AbortSignal): Promise<Admission>;
  /** The replica holds what this disk continues. */
  noteWriter?(): void;
  hurry(): void;
}

export interface UploaderOptions {
  readonly store: ObjectStore;
  readonly staging: Staging;
  /** What it holds, where the start has found that out already. */
  readonly remote: RemotePosition | undefined;
  readonly ask: (signal: AbortSignal) => Promise<RemotePosition>;
  /** Undefined: the lease is off. */
  readonly lease: UploadPermit | undefined;
  /** Least time between two batches of uploads; 0 where the capture's own interval is as long. */
  readonly interval: Milliseconds;
  readonly events: UploaderEvents;
  /** It is known to hold another TXID of ours, also where nothing had to be sent for that; or none will follow. */
  readonly moved?: () => void;
  /** Level-0 files above this TXID are still to be merged there. */
  readonly mergedUpTo?: () => Txid | undefined;
  readonly monotonicClock: () => Milliseconds;
  readonly random: () => number;
}
