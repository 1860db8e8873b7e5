import type { LogLevel } from '../observe/log.ts';
import type { LogFormat, LoggingConfig } from './config.ts';
import type { LookupVariable } from './expand-variables.ts';
import { inEnvironment, quoted } from './problem.ts';
import { addProblem, type ConfigReading } from './reading.ts';
import { findBoolean, findText, type Section } from './section.ts';

const levels: Readonly<Record<string, LogLevel>> = {
  trace: 'DEBUG',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARN',
  warning: 'WARN',
  error: 'ERROR',
};

const formats: Readonly<Record<string, LogFormat>> = {
  text: 'logfmt',
  logfmt: 'logfmt',
  json: 'json',
  pretty: 'pretty',
};

interface LoggingFlags {
  readonly logLevel?: string;
  readonly logFormat?: string;
}

/** Flags, then `LOG_LEVEL` and `LOG_FORMAT`, then the file. */
export function readLogging(
  top: Section,
  flags: LoggingFlags,
  lookup: LookupVariable,
  reading: ConfigReading,
): LoggingConfig {
  const level = flags.logLevel || lookup('LOG_LEVEL') || findText([top], 'logging.level') || 'info';
  const format = flags.logFormat || lookup('LOG_FORMAT') || findText([top], 'logging.type') || 'text';
  return {
    level: choose(levels, level, 'LOG_LEVEL', reading) ?? 'INFO',
    format: choose(formats, format, 'LOG_FORMAT', reading) ?? 'logfmt',
    stream: findBoolean([top], 'logging.stderr') === true ? 'stderr' : 'stdout',
  };
}

/** What the file says was checked by its key's rule; here only a flag or a variable can be wrong. */
function choose<T>(
  from: Readonly<Record<string, T>>,
  text: string,
  variable: string,
  reading: ConfigReading,
): T | undefined {
  const name = text.trim().toLowerCase();
  if (Object.hasOwn(from, name)) return from[name];
  const message = `${variable}, or the flag of its kind, is ${quoted(text)}`;
  addProblem(reading, inEnvironment, 'CONFIG_ENVIRONMENT', message, `write one of ${Object.keys(from).join(', ')}`);
  return undefined;
}
