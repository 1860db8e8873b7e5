import type { DatabaseConfig } from '../config/config.ts';
import type { Log } from '../observe/log.ts';
import type { Bytes, Milliseconds } from '../quantities.ts';
import type { RestorePolicy } from '../restore/choose.ts';
import type { IntegrityPolicy } from '../restore/restore-options.ts';

/** What to do where a replica holds commits that the database here never had. */
export type ConflictPolicy = 'stop' | 'keep-local' | 'use-replica';

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
}

/** One database, and how it is to be prepared. The log carries `db`. */
export interface PrepareOptions {
  readonly database: DatabaseConfig;
  readonly settings: ReplicationSettings;
  readonly log: Log;
}
