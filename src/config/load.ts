import { StationError } from '../errors.ts';
import type { Config, LogFormat, ReplicaConfig } from './config.ts';

/** What surrounds the program: nothing else is read. */
export interface ConfigContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly homeDirectory: string;
  /** The text of a file; undefined if there is none. Throws where it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
}

export interface ConfigFlags {
  /** `--config` */
  readonly config?: string;
  /** `-no-expand-env`, Litestream's: variables in the file stay as they are written. */
  readonly noExpandEnvironment?: boolean;
  readonly logLevel?: string;
  readonly logFormat?: LogFormat;
}

export interface LoadConfigInput extends ConfigContext {
  readonly flags: ConfigFlags;
}

/**
 * The configuration, from flags, environment, file and defaults, in this order of weight.
 *
 * @throws StationError CONFIG_NOT_FOUND, CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY, CONFIG_VALUE, CONFIG_UNSUPPORTED,
 *   CONFIG_ENVIRONMENT; the message starts with `file:line:column`.
 */
export function loadConfig(_input: LoadConfigInput): Config {
  throw new StationError('INTERNAL', 'not built yet');
}

/** The replica that a URL or a folder names, as in `litestream restore s3://bucket/path`. */
export function replicaFromUrl(_url: string, _context: ConfigContext): ReplicaConfig {
  throw new StationError('INTERNAL', 'not built yet');
}
