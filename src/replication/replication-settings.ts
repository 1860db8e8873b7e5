import type { DatabaseConfig } from '../config/config.ts';
import type { TakeoverPolicy } from '../lease/takeover-policy.ts';
import type { Log } from '../observe/log.ts';
import type { Bytes, Milliseconds } from '../quantities.ts';
import type { RestorePolicy } from '../restore/choose.ts';
import type { IntegrityPolicy } from '../restore/restore-options.ts';
import type { Environment } from '../supervisor/environment.ts';

/** What to do where a replica holds commits that the database here never had. */
export type ConflictPolicy = 'stop' | 'keep-local' | 'use-replica';

/** Whether a lease keeps a second instance from writing, and how. */
export type LeaseSettings =
  | { readonly kind: 'off' }
  | {
      readonly kind: 'on';
      readonly duration: Milliseconds;
      /** Undefined: hand-over between instances of one service, else wait. */
      readonly takeover: TakeoverPolicy | undefined;
      /** How long to wait for another holder. */
      readonly timeout: Milliseconds;
      /** Where the platform tells who this instance is. */
      readonly environment: Environment;
      /** Told whose lease is waited for; undefined when it is no longer. */
      readonly waiting?: (holder: string | undefined) => void;
    };

/** What the command line and the environment decide for every database. */
export interface ReplicationSettings {
  readonly restore: RestorePolicy;
  /** How long a replica may take to say what it holds, where there is no database. */
  readonly restoreTimeout: Milliseconds;
  /** The same where there is one: the child waits for this, so it is short. */
  readonly lookTimeout: Milliseconds;
  readonly onConflict: ConflictPolicy;
  readonly integrity: IntegrityPolicy['mode'];
  /** Undefined: as the config says. */
  readonly integrityMaxBytes: Bytes | undefined;
  readonly lease: LeaseSettings;
}

export interface ReplicationClocks {
  readonly wall: () => Milliseconds;
  readonly monotonic: () => Milliseconds;
  readonly random: () => number;
}

/** One database, and how it is to be prepared. The log carries `db`. */
export interface PrepareOptions {
  readonly clocks: ReplicationClocks;
  readonly database: DatabaseConfig;
  readonly settings: ReplicationSettings;
  /** `leave`: it was there a moment ago, and if it is not, then because somebody has removed it. Default: restored. */
  readonly ifAbsent?: 'restore' | 'leave';
  readonly log: Log;
}
