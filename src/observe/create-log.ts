import { type DestinationStream, destination, type Logger, pino } from 'pino';
import type { Log, LogFields, LogLevel } from './log.ts';
import { type LogFormat, type LogRecord, logfmtLine, prettyLine } from './log-line.ts';
import { redact } from './redact.ts';

export type { LogFormat } from './log-line.ts';

export interface LogOptions {
  readonly format: LogFormat;
  readonly level: LogLevel;
  /** Default: stderr, because stdout belongs to the child. */
  readonly stream?: DestinationStream | 'stdout' | 'stderr';
  /** Colours for `pretty`; default: whether stderr is a terminal that wants them. */
  readonly colours?: boolean;
  /** On every line. */
  readonly fields?: LogFields;
  /** Values that must never be read in a line. The set is looked at for every line, so what is learnt later counts too. */
  readonly secrets?: ReadonlySet<string>;
}

/** Where lines come from. Each is written before the call returns, so that nothing is lost at the exit. */
export function createLog(options: LogOptions): Log {
  const secrets = options.secrets ?? new Set();
  const logger = pino(
    {
      level: options.level.toLowerCase(),
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
    },
    formatted(openStream(options.stream ?? 'stderr'), options),
  );
  return logOn(logger, { ...options.fields }, (text) => redact(text, secrets));
}

function logOn(logger: Logger, fixed: LogFields, clean: (text: string) => string): Log {
  const line = (fields: LogFields | undefined) => {
    const merged: Record<string, unknown> = {};
    for (const [key, value] of Object.entries({ ...fixed, ...fields })) {
      if (value !== undefined) merged[key] = typeof value === 'string' ? clean(value) : value;
    }
    return { ...merged, logger: 'litestream' };
  };
  return {
    debug: (message, fields) => logger.debug(line(fields), clean(message)),
    info: (message, fields) => logger.info(line(fields), clean(message)),
    warn: (message, fields) => logger.warn(line(fields), clean(message)),
    error: (message, fields) => logger.error(line(fields), clean(message)),
    with: (fields) => logOn(logger, { ...fixed, ...fields }, clean),
  };
}

/** Pino writes JSON; the other formats are made from it line by line. */
function formatted(stream: DestinationStream, options: LogOptions): DestinationStream {
  if (options.format === 'json') return stream;
  const colours = options.colours ?? (process.stderr.isTTY === true && process.stderr.hasColors());
  const format = options.format === 'logfmt' ? logfmtLine : (record: LogRecord) => prettyLine(record, colours);
  return { write: (line) => stream.write(`${format(JSON.parse(line) as LogRecord)}\n`) };
}

function openStream(target: DestinationStream | 'stdout' | 'stderr'): DestinationStream {
  if (typeof target !== 'string') return target;
  const stream = destination({ dest: target === 'stdout' ? 1 : 2, sync: true });
  // Whoever read the lines may be gone (EPIPE, EIO after a hang-up). The child and the drain matter more than the lines.
  stream.on('error', () => {});
  return stream;
}
