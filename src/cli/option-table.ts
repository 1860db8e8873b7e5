/** One option of a verb, and the variable that stands in for it. */
export interface OptionEntry {
  /** Commander's notation: `--stop-timeout <duration>`. */
  readonly flags: string;
  readonly description: string;
  readonly variable?: string;
}

export const commonOptions = {
  config: { flags: '--config <file>', description: 'config file (else LITESTREAM_CONFIG and the usual places)' },
  noExpandEnvironment: {
    flags: '--no-expand-env',
    description: 'leave variables in the config file as they are written',
  },
  logFormat: {
    flags: '--log-format <format>',
    description: 'logfmt, json or pretty',
    variable: 'STATION_LOG_FORMAT',
  },
  logLevel: { flags: '--log-level <level>', description: 'debug, info, warn or error', variable: 'STATION_LOG_LEVEL' },
} as const satisfies Record<string, OptionEntry>;

export const runOptions = {
  ...commonOptions,
  database: { flags: '--database <path>', description: 'path of the database', variable: 'STATION_DATABASE' },
  user: {
    flags: '--user <user[:group]>',
    description: 'as root: own the folders, then become this user (name or number)',
    variable: 'STATION_USER',
  },
  stopTimeout: {
    flags: '--stop-timeout <duration>',
    description: "time from the stop signal to the exit (else the platform's: 10s or 30s)",
    variable: 'STATION_STOP_TIMEOUT',
  },
  signalMap: {
    flags: '--signal-map <map>',
    description: 'what the command gets instead of a signal: TERM=INT,HUP=USR1',
    variable: 'STATION_SIGNAL_MAP',
  },
  restart: {
    flags: '--restart <policy>',
    description: 'never, on-failure or on-failure:N: whether a command that fails is started again',
    variable: 'STATION_RESTART',
  },
  readyUrl: {
    flags: '--ready-url <url>',
    description: 'the command is up when this answers',
    variable: 'STATION_READY_URL',
  },
  readyCommand: {
    flags: '--ready-command <command>',
    description: 'the command is up when this ends with 0',
    variable: 'STATION_READY_COMMAND',
  },
  startupTimeout: {
    flags: '--startup-timeout <duration>',
    description: 'how long the command may take to be up',
    variable: 'STATION_STARTUP_TIMEOUT',
  },
  listen: {
    flags: '--listen <address>',
    description: 'serve /livez, /startupz and /readyz there, as in :9090',
    variable: 'STATION_LISTEN',
  },
  scrubEnvironment: {
    flags: '--scrub-env',
    description: 'keep the credentials of the replicas from the command',
    variable: 'STATION_SCRUB_ENV',
  },
  drainRequire: {
    flags: '--drain-require <which>',
    description: 'one or all: how many replicas must hold everything at the exit',
    variable: 'STATION_DRAIN_REQUIRE',
  },
  requireReplica: {
    flags: '--require-replica',
    description: 'fail where ephemeral mode would begin',
    variable: 'STATION_REQUIRE_REPLICA',
  },
  restoreFrom: {
    flags: '--restore-from <name>',
    description: 'restore from this replica, not the newest',
    variable: 'STATION_RESTORE_FROM',
  },
  restoreTimeout: {
    flags: '--restore-timeout <duration>',
    description: 'how long to wait for replicas to answer',
    variable: 'STATION_RESTORE_TIMEOUT',
  },
  restoreQuorum: {
    flags: '--restore-quorum <which>',
    description: 'any or all: which replicas must answer before a restore',
    variable: 'STATION_RESTORE_QUORUM',
  },
  onConflict: {
    flags: '--on-conflict <how>',
    description: 'stop, keep-local or use-replica, where a replica is ahead of the local database',
    variable: 'STATION_ON_CONFLICT',
  },
  integrityCheck: {
    flags: '--integrity-check <kind>',
    description: "none, quick or full: SQLite's check of a restored database",
    variable: 'STATION_INTEGRITY_CHECK',
  },
  integrityCheckMaxBytes: {
    flags: '--integrity-check-max-size <size>',
    description: 'above this size the check runs after the start',
    variable: 'STATION_INTEGRITY_CHECK_MAX_SIZE',
  },
  lease: {
    flags: '--lease <on-or-off>',
    description: 'on, or off: whether a lease in each replica keeps a second instance from writing',
    variable: 'STATION_LEASE',
  },
  leaseDuration: {
    flags: '--lease-duration <duration>',
    description: 'how long a dead instance keeps its lease, 3s to 10m (30s); renewed after a third of it',
    variable: 'STATION_LEASE_DURATION',
  },
  leaseTimeout: {
    flags: '--lease-timeout <duration>',
    description: 'how long to wait for another holder of the lease (60s)',
    variable: 'STATION_LEASE_TIMEOUT',
  },
  takeover: {
    flags: '--takeover <how>',
    description: 'wait, handover or refuse, where another instance holds the lease',
    variable: 'STATION_TAKEOVER',
  },
} as const satisfies Record<string, OptionEntry>;

export const replicateOptions = {
  ...runOptions,
  exec: { flags: '--exec <command>', description: 'command to supervise, for a shell to read' },
  restoreIfDbNotExists: {
    flags: '--restore-if-db-not-exists',
    description: 'accepted; an absent database is always restored',
  },
} as const satisfies Record<string, OptionEntry>;

export const restoreOptions = {
  ...commonOptions,
  output: { flags: '-o, --output <file>', description: 'where to restore to (else the path of the database)' },
  replica: { flags: '--replica <name>', description: 'restore from this replica' },
  ifDbNotExists: { flags: '--if-db-not-exists', description: 'do nothing, successfully, where the database exists' },
  ifReplicaExists: { flags: '--if-replica-exists', description: 'do nothing, successfully, where no replica holds it' },
  timestamp: { flags: '--timestamp <time>', description: 'the state at this time (RFC 3339)' },
  verbose: { flags: '-v, --verbose', description: 'as --log-level debug; Litestream 0.3 has it' },
  generation: { flags: '--generation <name>', description: 'from this generation of a Litestream 0.3 backup' },
  index: {
    flags: '--index <index>',
    description: 'up to this WAL file of a Litestream 0.3 backup (hexadecimal, inclusive)',
  },
  txid: { flags: '--txid <txid>', description: 'the state at this TXID (hexadecimal)' },
  dryRun: { flags: '--dry-run', description: 'tell what would be done' },
  force: { flags: '--force', description: 'move an existing output file aside' },
  json: { flags: '--json', description: 'tell the outcome as JSON' },
  integrityCheck: { flags: '--integrity-check <kind>', description: "none, quick or full: SQLite's own check" },
  parallelism: { flags: '--parallelism <count>', description: 'how many files to fetch at once' },
} as const satisfies Record<string, OptionEntry>;

export const costOptions = {
  ...commonOptions,
  size: { flags: '--size <size>', description: 'count with databases of this size (else that of their files)' },
  syncSize: { flags: '--sync-size <size>', description: 'what one sync uploads (16KiB)' },
  lease: runOptions.lease,
  leaseDuration: runOptions.leaseDuration,
  json: { flags: '--json', description: 'tell it as JSON' },
} as const satisfies Record<string, OptionEntry>;

export const doctorOptions = {
  ...commonOptions,
  json: { flags: '--json', description: 'tell the findings as JSON' },
} as const satisfies Record<string, OptionEntry>;

export const retentionOptions = {
  ...commonOptions,
  dryRun: { flags: '--dry-run', description: 'tell what would be deleted, and what stays and why' },
  json: { flags: '--json', description: 'tell it as JSON, file by file' },
} as const satisfies Record<string, OptionEntry>;

export const leaseOptions = {
  ...commonOptions,
  break: {
    flags: '--break',
    description: 'mark it as free, when its holder is dead for certain; one that is alive after all stops with 76',
  },
  json: { flags: '--json', description: 'tell it as JSON' },
} as const satisfies Record<string, OptionEntry>;
