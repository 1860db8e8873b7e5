/**
 * Every error a user can meet: a stable code, the exit status it leads to, and what to do about it.
 * `docs/errors.md` lists them for operators; a test holds the two against each other.
 */
const table = {
  USAGE: { exitStatus: 64, hint: 'run "entrypoint --help" for the commands and their options' },

  CONFIG_NOT_FOUND: { exitStatus: 78, hint: 'name an existing file with --config or LITESTREAM_CONFIG' },
  CONFIG_SYNTAX: { exitStatus: 78, hint: 'the file must be valid YAML' },
  CONFIG_UNKNOWN_KEY: { exitStatus: 78, hint: 'check the spelling; docs/configuration.md lists every key' },
  CONFIG_VALUE: { exitStatus: 78, hint: 'docs/configuration.md says what each key takes' },
  CONFIG_UNSUPPORTED: { exitStatus: 78, hint: 'remove the key' },
  CONFIG_ENVIRONMENT: { exitStatus: 78, hint: 'check the environment variable' },
  REPLICA_REQUIRED: { exitStatus: 78, hint: 'configure a replica, or start without --require-replica' },
  DATA_FOLDER: { exitStatus: 78, hint: 'make the folder writable for this user' },
  USER_UNKNOWN: { exitStatus: 78, hint: 'name a user of /etc/passwd, or a number, as in --user 1000:1000' },
  USER_CHANGE: { exitStatus: 78, hint: 'leave --user and STATION_USER out, or start the container as root' },

  LTX_INVALID: { exitStatus: 69, hint: 'the file is damaged or not an LTX file' },
  LTX_TRUNCATED: { exitStatus: 69, hint: 'the file ends too early' },
  LTX_CHECKSUM: { exitStatus: 69, hint: 'the file is damaged' },
  LTX_NOT_CONTIGUOUS: { exitStatus: 69, hint: 'a file between these two is missing' },
  LEGACY_DAMAGED: {
    exitStatus: 69,
    hint: 'an object of a Litestream 0.3 backup is damaged, or one before it is missing',
  },

  STORAGE_NOT_FOUND: { exitStatus: 69, hint: 'check bucket, folder and path' },
  STORAGE_ALREADY_EXISTS: { exitStatus: 76, hint: 'another writer put an object there' },
  STORAGE_DENIED: { exitStatus: 69, hint: 'check the credentials and the permissions they carry' },
  STORAGE_THROTTLED: { exitStatus: 69, hint: 'the store asks to slow down; it is retried' },
  STORAGE_UNREACHABLE: { exitStatus: 69, hint: 'check the network and the endpoint' },
  STORAGE_BROKEN: { exitStatus: 69, hint: 'the store answered something that makes no sense' },

  RESTORE_UNREACHABLE: {
    exitStatus: 69,
    hint: 'an unreachable replica may hold the database: repair the access, or remove the replica from the config',
  },
  RESTORE_NO_SOUND_COPY: {
    exitStatus: 69,
    hint: 'every copy found is damaged; see the lines above for what each lacks',
  },
  RESTORE_NOT_AVAILABLE: { exitStatus: 69, hint: 'no replica holds what was asked for' },
  RESTORE_OUTPUT_EXISTS: { exitStatus: 69, hint: 'name another file with -o, or move the existing one aside' },
  RESTORE_WRITE: { exitStatus: 69, hint: 'the disk that takes the database must have room for it' },
  REPLICA_AHEAD: {
    exitStatus: 69,
    hint: 'decide which copy is right: --on-conflict=keep-local or --on-conflict=use-replica',
  },

  DATABASE_INVALID: { exitStatus: 69, hint: 'the file is not a sound SQLite database' },
  CAPTURE_FAILED: { exitStatus: 75, hint: 'the WAL could not be followed' },
  STAGING_FAILED: { exitStatus: 75, hint: 'the staging folder beside the database must be writable and have room' },

  DRAIN_INCOMPLETE: { exitStatus: 75, hint: 'commits named above are in no replica; keep the volume and start again' },
  FENCED: { exitStatus: 76, hint: 'another instance writes to this replica; stop one of the two' },

  COMMAND_NOT_READY: {
    exitStatus: 124,
    hint: 'see why the command did not come up, or give it more time with --startup-timeout',
  },
  LEASE_HELD: {
    exitStatus: 76,
    hint: 'stop the other instance; if it is dead for certain: "station-entrypoint lease --break"',
  },
  LEASE_LOST: { exitStatus: 76, hint: 'another instance goes on with the database; run one at a time' },
  HANDOVER_UNTAKEN: {
    exitStatus: 76,
    hint: 'see why the instance that asked has ended; this one ends, to be started again by its platform and go on',
  },
  LEASE_INVALID: {
    exitStatus: 76,
    hint: 'when no other instance runs, "station-entrypoint lease --break" puts a readable one in its place',
  },

  COMMAND_NOT_EXECUTABLE: { exitStatus: 126, hint: 'check the file’s execute permission and its interpreter line' },
  COMMAND_NOT_FOUND: { exitStatus: 127, hint: 'check the spelling and PATH' },

  OUTPUT_FAILED: { exitStatus: 74, hint: 'make room where standard output goes, and run it again' },
  STOPPED: { exitStatus: 130, hint: 'nothing half-done is left; run it again' },

  INTERNAL: { exitStatus: 70, hint: 'this is a bug in station-entrypoint; please report it with the lines above' },
} as const satisfies Record<string, { readonly exitStatus: number; readonly hint: string }>;

export type ErrorCode = keyof typeof table;
export const errorTable: Readonly<Record<ErrorCode, { readonly exitStatus: number; readonly hint: string }>> = table;

export interface StationErrorOptions {
  readonly cause?: unknown;
  /** What to do about this one, where the table's own hint is too general. */
  readonly hint?: string;
  /** The exit status, where it is not the same for all of this code. */
  readonly exitStatus?: number;
}

/** The one error class. `message` says what is wrong and where; `hint` says what to do. */
export class StationError extends Error {
  override readonly name = 'StationError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly exitStatus: number;

  constructor(code: ErrorCode, message: string, options: StationErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? table[code].hint;
    this.exitStatus = options.exitStatus ?? table[code].exitStatus;
  }
}

/** True for an error of ours, optionally only of the codes named. */
export function isStationError(error: unknown, ...codes: readonly ErrorCode[]): error is StationError {
  return error instanceof StationError && (codes.length === 0 || codes.includes(error.code));
}

/** Anything thrown, as one of ours: what is not ours is a bug here. */
export function toStationError(error: unknown): StationError {
  if (error instanceof StationError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StationError('INTERNAL', message, { cause: error });
}
