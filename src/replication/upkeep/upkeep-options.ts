import type { StationError } from '../../errors.ts';
import type { Admission } from '../../lease/lease.ts';
import type { Milliseconds, Txid } from '../../quantities.ts';
import type { Inventory } from '../../restore/inventory.ts';
import type { LegacyRetentionPlan } from '../../restore/legacy/legacy-retention.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { SerialQueue } from '../../wal/serial-queue.ts';
import type { HeldFile } from '../levels/held-files.ts';
import type { RetentionPlan } from '../levels/retention-plan.ts';
import type { FileToUpload } from '../replica/upload.ts';
import type { DatabaseSnapshots } from './database-snapshots.ts';
import type { MergedFiles } from './merged-files.ts';
import type { UpkeepSettings } from './upkeep-settings.ts';

/** What upkeep tells of; logging it is the listener's business. */
export interface UpkeepEvents {
  merged(file: FileToUpload, inputs: number): void;
  snapshot(file: FileToUpload): void;
  /** What is about to go, and what stays. */
  retention(plan: RetentionPlan): void;
  /** It has gone. */
  retained(plan: RetentionPlan): void;
  /** What is about to go of backups of Litestream 0.3, and what stays. */
  legacyRetention(plan: LegacyRetentionPlan): void;
  /** It has gone. */
  legacyRetained(plan: LegacyRetentionPlan): void;
  /** The store says that these were deleted, twice, and they are there. */
  undeleted(keys: readonly string[]): void;
  /** A file of the replica cannot be read: a new snapshot will lead past it. */
  damaged(error: StationError): void;
  /** Something failed; it is tried again after `delay`. */
  failed(error: StationError, delay: Milliseconds): void;
  /** Another writer has put other bytes under a name of ours. */
  fenced(error: StationError): void;
}

/** The right to change the replica. */
export interface UpkeepPermit {
  /** @throws StationError LEASE_LOST; LEASE_HELD, STORAGE_*: not now */
  admit(signal: AbortSignal): Promise<Admission>;
}

export interface UpkeepOptions {
  /** Its name. */
  readonly replica: string;
  readonly store: ObjectStore;
  /** Hands over what the start has just listed of it, where it has; it is told of what is put from then on. */
  readonly takeListing: () => Inventory | undefined;
  readonly settings: UpkeepSettings;
  /** The last TXID of ours that it is known to hold; undefined while nothing is appended to it. */
  readonly position: () => Txid | undefined;
  /** Undefined: the lease is off. */
  readonly permit: UpkeepPermit | undefined;
  /** From which TXID on level-0 files stay, whatever covers them. */
  readonly level0KeptFrom: () => Txid | undefined;
  /** The copy of a level-0 file in the staging folder. */
  readonly stagedCopy: (file: HeldFile) => string | undefined;
  readonly merged: MergedFiles;
  /** Bytes that merged files may take on this disk. */
  readonly room: () => number;
  readonly snapshots: DatabaseSnapshots;
  /** One merge at a time in the whole process: memory and CPU belong to the application. */
  readonly turn: SerialQueue;
  readonly events: UpkeepEvents;
  readonly wallClock: () => Milliseconds;
  readonly monotonicClock: () => Milliseconds;
  readonly random: () => number;
}
