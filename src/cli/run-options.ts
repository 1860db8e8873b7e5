import type { ListenAddress } from '../config/listen-address.ts';
import { StationError } from '../errors.ts';
import type { LogLevel } from '../observe/log.ts';
import type { LogFormat } from '../observe/log-line.ts';
import type { Bytes, Milliseconds } from '../quantities.ts';
import type { ReadyCheck } from '../supervisor/ready-check.ts';
import type { DrainRequirement } from '../supervisor/replication-port.ts';
import type { RestartPolicy } from '../supervisor/restart-policy.ts';
import type { SignalMap } from '../supervisor/signal-map.ts';

/** The name the launcher was called by; under `litestream` the verbs answer as Litestream's do. */
export type InvokedAs = 'entrypoint' | 'litestream';

type IntegrityCheck = 'none' | 'quick' | 'full';

/** What every verb that reads the configuration takes. `undefined`: given neither as flag nor in the environment. */
export interface CommonOptions {
  readonly invokedAs: InvokedAs;
  readonly config: string | undefined;
  /** Litestream's `-no-expand-env`. */
  readonly noExpandEnvironment: boolean;
  readonly logFormat: LogFormat | undefined;
  readonly logLevel: LogLevel | undefined;
}

/** `run` and `replicate`. `undefined`: given neither as flag nor in the environment; the config or the default decides. */
export interface RunOptions extends CommonOptions {
  /** The child's command and arguments, from the command line, `-exec` or STATION_COMMAND. May be empty. */
  readonly command: readonly string[];
  /** True for `run`; `replicate` also works without a command: it replicates until a stop signal. */
  readonly commandRequired: boolean;
  /** Path of the database: the config's by that path, or one configured by the environment alone. */
  readonly database: string | undefined;
  /** `replicate DB_PATH REPLICA_URL…`: the replicas named on the command line, instead of a config file. */
  readonly replicaUrls: readonly string[];
  /** `NAME|UID[:GROUP|GID]` to become, where we are root. */
  readonly user: string | undefined;
  readonly stopTimeout: Milliseconds | undefined;
  readonly signalMap: SignalMap | undefined;
  readonly restart: RestartPolicy | undefined;
  readonly readyCheck: ReadyCheck | undefined;
  readonly startupTimeout: Milliseconds | undefined;
  /** Where the health endpoints are. */
  readonly listen: ListenAddress | undefined;
  readonly scrubEnvironment: boolean | undefined;
  readonly drainRequire: DrainRequirement | undefined;
  readonly requireReplica: boolean | undefined;
  readonly restoreFrom: string | undefined;
  readonly restoreTimeout: Milliseconds | undefined;
  readonly restoreQuorum: 'any' | 'all' | undefined;
  readonly onConflict: 'stop' | 'keep-local' | 'use-replica' | undefined;
  readonly integrityCheck: IntegrityCheck | undefined;
  /** Databases larger than this are checked after the child has started. */
  readonly integrityCheckMaxBytes: Bytes | undefined;
  readonly lease: 'on' | 'off' | undefined;
  readonly leaseDuration: Milliseconds | undefined;
  readonly leaseTimeout: Milliseconds | undefined;
  readonly takeover: 'wait' | 'handover' | 'refuse' | undefined;
}

/** `restore`. */
export interface RestoreOptions extends CommonOptions {
  /** `DB_PATH` (looked up in the config) or a `REPLICA_URL`. */
  readonly source: string;
  readonly output: string | undefined;
  readonly replica: string | undefined;
  readonly ifDbNotExists: boolean;
  readonly ifReplicaExists: boolean;
  /** As typed; RFC 3339. */
  readonly timestamp: string | undefined;
  /** Of a Litestream 0.3 backup, as typed: 16 hexadecimal digits. */
  readonly generation: string | undefined;
  /** Of a Litestream 0.3 backup, as typed; hexadecimal, as in its object names. */
  readonly index: string | undefined;
  /** As typed; Litestream writes TXIDs as 16 hexadecimal digits. */
  readonly txid: string | undefined;
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly json: boolean;
  readonly integrityCheck: IntegrityCheck | undefined;
  readonly parallelism: number | undefined;
}

/** `cost`. */
export interface CostOptions extends CommonOptions {
  /** Size of every database; undefined: what each file has. */
  readonly size: Bytes | undefined;
  /** What one sync uploads, on average. */
  readonly syncSize: Bytes | undefined;
  readonly lease: 'on' | 'off' | undefined;
  readonly leaseDuration: Milliseconds | undefined;
  readonly json: boolean;
}

/** `lease`. */
export interface LeaseOptions extends CommonOptions {
  /** `DB_PATH` (looked up in the config) or a `REPLICA_URL`; undefined: all of the config. */
  readonly subject: string | undefined;
  readonly break: boolean;
  readonly json: boolean;
}

/** `retention`. */
export interface RetentionOptions extends CommonOptions {
  /** `DB_PATH` (looked up in the config); undefined: all of the config. */
  readonly subject: string | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** `doctor`. */
export interface DoctorOptions extends CommonOptions {
  /** `DB_PATH` (looked up in the config) or a `REPLICA_URL`; undefined: all of the config. */
  readonly subject: string | undefined;
  readonly json: boolean;
}

/**
 * The command to supervise: what the options say, else the config's `exec`. Throws USAGE when there must be one and
 * there is none.
 */
export function chooseCommand(
  options: Pick<RunOptions, 'command' | 'commandRequired'>,
  configured: readonly string[] | undefined,
): readonly string[] {
  const command = options.command.length > 0 ? options.command : (configured ?? []);
  if (command.length === 0 && options.commandRequired) {
    throw new StationError('USAGE', 'no command to supervise', {
      hint: 'give one, as in "entrypoint run -- stn serve", or set STATION_COMMAND',
    });
  }
  return command;
}
