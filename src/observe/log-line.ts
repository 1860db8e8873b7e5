import { styleText } from 'node:util';
import { formatLogfmt, type LogValue } from './logfmt.ts';

export type LogFormat = 'logfmt' | 'json' | 'pretty';

/** One line as pino hands it over: its own three keys, then the fields in the order they were given. */
export type LogRecord = Readonly<Record<string, LogValue>>;

/** `time=… level=INFO msg="…" db=… logger=litestream`: the last field is what the guide's `grep litestream` finds. */
export function logfmtLine({ time, level, msg, ...fields }: LogRecord): string {
  const head = Object.entries({ time, level, msg }).filter(isPresent);
  return formatLogfmt([...head, ...Object.entries(fields)]);
}

/** For a person at a terminal: the time of day, the level in colour, the message, the fields. */
export function prettyLine({ time, level, msg, logger: _, ...fields }: LogRecord, colours: boolean): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    colours ? styleText(style, text, { validateStream: false }) : text;
  const head = `${paint('dim', String(time).slice(11, 23))} ${paint(levelStyle(level), String(level).padEnd(5))} ${msg}`;
  const tail = formatLogfmt(Object.entries(fields));
  return tail === '' ? head : `${head}  ${paint('dim', tail)}`;
}

function levelStyle(level: LogValue | undefined): Parameters<typeof styleText>[0] {
  if (level === 'ERROR') return 'red';
  if (level === 'WARN') return 'yellow';
  return level === 'INFO' ? 'green' : 'dim';
}

function isPresent(entry: readonly [string, LogValue | undefined]): entry is [string, LogValue] {
  return entry[1] !== undefined;
}
