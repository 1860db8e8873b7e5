import type { Bytes } from '../quantities.ts';
import { formatDuration, parseDuration } from './duration.ts';
import type { Takes } from './keys/key-rule.ts';
import { quoted } from './problem.ts';
import { formatSize, parseSize } from './size.ts';

export type ParsedValue =
  | { readonly kind: 'value'; readonly value: string | number | boolean }
  /** `problem` goes on after the key's name: `is "10", which has no unit`. */
  | { readonly kind: 'problem'; readonly problem: string; readonly hint: string };

type TakesOne = Exclude<Takes, { readonly kind: 'texts' | 'group' | 'map' | 'maps' }>;
type Of<Kind extends Takes['kind']> = Extract<Takes, { readonly kind: Kind }>;

/** A single value, read as what its key takes. A secret is never repeated in the problem. */
export function parseValue(takes: TakesOne, text: string): ParsedValue {
  switch (takes.kind) {
    case 'text':
    case 'secret':
      return value(text);
    case 'boolean':
      return parseBoolean(text);
    case 'choice':
      return parseChoice(takes, text);
    case 'duration':
      return parseDurationValue(takes, text);
    case 'size':
      return parseSizeValue(takes, text);
    case 'integer':
      return parseInteger(takes, text);
  }
}

/** YAML 1.1's words too, which Litestream takes, and those of a URL's query. */
function parseBoolean(text: string): ParsedValue {
  const word = text.trim().toLowerCase();
  if (['true', 'yes', 'on', 'y', 't', '1'].includes(word)) return value(true);
  if (['false', 'no', 'off', 'n', 'f', '0'].includes(word)) return value(false);
  return problem(`is ${quoted(text)}, which is neither true nor false`, 'write true or false');
}

function parseChoice(takes: Of<'choice'>, text: string): ParsedValue {
  const found = takes.of.find((one) => one.toLowerCase() === text.trim().toLowerCase());
  return found === undefined ? problem(`is ${quoted(text)}`, `write one of ${takes.of.join(', ')}`) : value(found);
}

function parseDurationValue(takes: Of<'duration'>, text: string): ParsedValue {
  const trimmed = text.trim();
  const duration = parseDuration(trimmed);
  if (duration === undefined) {
    const days = /^([0-9]+) *d(ays?)?$/i.exec(trimmed);
    if (days !== null) return problem(`is ${quoted(text)}; days are no unit`, `write ${Number(days[1]) * 24}h`);
    if (/^[0-9]+$/.test(trimmed)) return problem(`is ${quoted(text)}, without a unit`, `write ${trimmed.slice(0, 9)}s`);
    return problem(`is ${quoted(text)}, which is no duration`, 'write 500ms, 10s, 5m, 24h or 1h30m');
  }
  if (duration < takes.from || duration > takes.to) {
    const range = `${formatDuration(takes.from)} to ${formatDuration(takes.to)}`;
    return problem(`is ${quoted(text)}, outside ${range}`, `write a duration of ${range}`);
  }
  return value(duration);
}

function parseSizeValue(takes: Of<'size'>, text: string): ParsedValue {
  const size = parseSize(text);
  if (size === undefined) return problem(`is ${quoted(text)}, which is no size`, 'write 1048576, 64MB or 1GiB');
  if (size < takes.from || size > takes.to) {
    const bound = (limit: Bytes): string => (limit === Number.MAX_SAFE_INTEGER ? 'any' : formatSize(limit));
    return problem(
      `is ${quoted(text)}, outside ${bound(takes.from)} to ${bound(takes.to)}`,
      'write a size in that range',
    );
  }
  return value(size);
}

function parseInteger(takes: Of<'integer'>, text: string): ParsedValue {
  const number = /^-?[0-9]{1,16}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number) && number >= takes.from && number <= takes.to) return value(number);
  return problem(`is ${quoted(text)}`, `write a whole number from ${takes.from} to ${takes.to}`);
}

function value(parsed: string | number | boolean): ParsedValue {
  return { kind: 'value', value: parsed };
}

function problem(text: string, hint: string): ParsedValue {
  return { kind: 'problem', problem: text, hint };
}
