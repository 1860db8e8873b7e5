import type { LogLevel } from '../observe/log.ts';
import type { Bytes, Milliseconds } from '../quantities.ts';
import type { StoreOptions } from '../storage/store-options.ts';
import type { ListenAddress } from './listen-address.ts';

/** Everything the config file, `.env` and the environment say: checked, expanded, with the defaults filled in. */
export interface Config {
  /** The file it came from; undefined when the environment alone configures. */
  readonly source: string | undefined;
  /** Those with a `path` of their own. */
  readonly databases: readonly DatabaseConfig[];
  /** Entries with a `dir`: what is in them is found at the start, or while they run. */
  readonly folders: readonly DatabaseFolderConfig[];
  readonly logging: LoggingConfig;
  /** The `addr` key: where the health endpoints are. Undefined: nowhere. */
  readonly listen: ListenAddress | undefined;
  /** The words of the top-level `exec` key: the command to supervise where the command line names none. */
  readonly exec: readonly string[] | undefined;
  readonly socket: SocketConfig;
  readonly shutdown: {
    /** Longest time for the last upload. Undefined: what is left of the stop timeout. */
    readonly syncTimeout: Milliseconds | undefined;
  };
  /** To be logged once at start. */
  readonly notes: readonly ConfigNote[];
  /** Variables of which any one, if set, would configure a replica: for the ephemeral-mode warning. */
  readonly replicaVariables: readonly string[];
}

/** Where `status` and `sync` can ask the running process. */
export interface SocketConfig {
  readonly enabled: boolean;
  /** Undefined: one in the staging folder of each database. */
  readonly path: string | undefined;
  /** Its file mode. */
  readonly permissions: number;
}

export interface LoggingConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly stream: 'stdout' | 'stderr';
}

export type LogFormat = 'logfmt' | 'json' | 'pretty';

/** Something accepted that the user should know about. */
export interface ConfigNote {
  readonly level: 'INFO' | 'WARN';
  /** `file:line:column`, or `environment`. */
  readonly where: string;
  readonly message: string;
}

export interface DatabaseConfig {
  /** Absolute path of the SQLite file. */
  readonly path: string;
  /** Absolute path of the staging folder: `meta-path`, else `.<name>-litestream` beside the database. */
  readonly stagingFolder: string;
  readonly stagingMaxBytes: Bytes;
  readonly replicas: readonly ReplicaConfig[];
  /** Replicas left out because the variables that name their bucket or folder are not set. */
  readonly notConfigured: readonly NotConfiguredReplica[];
  readonly restore: {
    /** SQLite's own check runs before the child starts up to this size, in the background beyond it. */
    readonly quickCheckMaxBytes: Bytes;
  };
  readonly compaction: CompactionConfig;
  /** `file:line:column`, or `environment`. */
  readonly where: string;
}

/** A folder whose databases are replicated, each to its own place below those of the folder. */
export interface DatabaseFolderConfig {
  /** Absolute. */
  readonly path: string;
  /** Of the files' names, as `compileFilePattern` takes it. */
  readonly pattern: string;
  readonly depth: 'this-folder' | 'with-subfolders';
  /** `always`: also what appears while the command runs. */
  readonly discovery: 'at-start' | 'always';
  /** `meta-path` and `meta-dir` differ in how the staging folders below them are named. */
  readonly staging: { readonly kind: 'beside' } | { readonly kind: 'meta-path' | 'meta-dir'; readonly root: string };
  /** What holds for each database; the replicas' places are those of the folder. */
  readonly template: Omit<DatabaseConfig, 'path' | 'stagingFolder'>;
}

/** How level-0 files are merged and snapshots made. */
export interface CompactionConfig {
  /** Interval of level 1, 2, …, each longer than the one before. */
  readonly levels: readonly Milliseconds[];
  /** How long level-0 files stay after they were merged. */
  readonly level0Retention: Milliseconds;
  readonly level0RetentionCheckInterval: Milliseconds;
}

export interface NotConfiguredReplica {
  readonly name: string;
  readonly type: ReplicaType;
  /** The variables that are not set. */
  readonly variables: readonly string[];
}

export type ReplicaType = 's3' | 'file' | 'gs' | 'abs' | 'sftp' | 'webdav' | 'nats' | 'oss';

export interface ReplicaConfig {
  /** Unique within its database: the `name` key, else the type, then `s3-2`, `s3-3`, … */
  readonly name: string;
  readonly store: StoreOptions;
  /** 1 s to 1 h. */
  readonly syncInterval: Milliseconds;
  /** Bytes a second; undefined: as fast as the line takes them. */
  readonly maxUploadRate: Bytes | undefined;
  readonly snapshotInterval: Milliseconds;
  readonly retention: RetentionConfig;
  /** How often the replica is verified while it is replicated to, 1 h to 8760 h; undefined: never. */
  readonly validationInterval: Milliseconds | undefined;
  /** `file:line:column`, or `environment`. */
  readonly where: string;
}

interface RetentionConfig {
  /** False: nothing is ever deleted from the replica. */
  readonly enabled: boolean;
  /** How far back a restore must be possible; 1 h to 8760 h. */
  readonly duration: Milliseconds;
  readonly checkInterval: Milliseconds;
  /** How much longer than promised files stay, for restores under way. No key sets it: tests do. */
  readonly grace?: Milliseconds;
}

/** What an entry of `dbs` is about. */
export type DatabaseEntry =
  | { readonly kind: 'database'; readonly database: DatabaseConfig }
  | { readonly kind: 'folder'; readonly folder: DatabaseFolderConfig };
