import { type Milliseconds, milliseconds } from '../quantities.ts';

const unitInMilliseconds: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, the micro sign
  μs: 1e-3, // U+03BC, the Greek letter: Go takes both
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const part = /([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)/gy;

/**
 * A duration in Go's syntax: `10s`, `1h30m`, `1.5h`, `500ms`, `-1s`, and `0` without a unit.
 * Undefined where the text is none, or more than a double can hold exactly.
 */
export function parseDuration(text: string): Milliseconds | undefined {
  const unsigned = text.replace(/^[+-]/, '');
  if (unsigned === '0') return milliseconds(0);
  part.lastIndex = 0;
  let total = 0;
  let end = 0;
  while (end < unsigned.length) {
    const match = part.exec(unsigned);
    if (match === null) return undefined;
    total += Number(match[1]) * (unitInMilliseconds[match[2] ?? ''] ?? Number.NaN);
    end = part.lastIndex;
  }
  if (end === 0 || !(total <= Number.MAX_SAFE_INTEGER)) return undefined;
  return milliseconds(text.startsWith('-') ? -total : total);
}

/** The shortest usual spelling: `24h`, `90m`, `10s`, `1500ms`. */
export function formatDuration(duration: Milliseconds): string {
  for (const unit of ['h', 'm', 's', 'ms']) {
    const count = duration / (unitInMilliseconds[unit] ?? 1);
    if (duration !== 0 && Number.isInteger(count)) return `${count}${unit}`;
  }
  return duration === 0 ? '0s' : `${duration}ms`;
}
