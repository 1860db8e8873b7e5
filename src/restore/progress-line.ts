import type { Milliseconds } from '../quantities.ts';
import type { TransferState } from './transfer-rate.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
const WIDEST_BAR = 30;
const NARROWEST_BAR = 5;

/**
 * A line for a terminal: a bar, bytes, rate, time left. Of what does not fit, the bar goes first, then the rest from
 * its end.
 * @param columns the terminal's width
 */
export function progressLine(state: TransferState, columns: number): string {
  const { done, total, rate, left } = state;
  const parts = [
    `${percentOf(state)}%`,
    `${formatSize(done)} of ${formatSize(total)}`,
    ...(rate === undefined ? [] : [`${formatSize(rate)}/s`]),
    ...(left === undefined ? [] : [`${formatDuration(left)} left`]),
  ];
  // The last column stays free: some terminals wrap when it is written.
  const room = columns - 1;
  const text = ` ${parts.join('  ')}`;
  const bar = Math.min(WIDEST_BAR, room - text.length - 2);
  if (bar >= NARROWEST_BAR) return `[${formatBar(done / Math.max(1, total), bar)}]${text}`;
  return text.trimStart().slice(0, Math.max(0, room));
}

/** The same for a log. */
export function progressFields(state: TransferState): Readonly<Record<string, string | number>> {
  const { done, total, rate, left } = state;
  return {
    percent: percentOf(state),
    bytes: done,
    of: total,
    ...(rate !== undefined && { rate: `${formatSize(rate)}/s` }),
    ...(left !== undefined && { left: formatDuration(left) }),
  };
}

/** 100 is only said of what is done. */
function percentOf({ done, total }: TransferState): number {
  if (done >= total) return 100;
  return Math.min(99, Math.floor((100 * done) / total));
}

function formatBar(share: number, width: number): string {
  const full = Math.min(width, Math.floor(share * width));
  return '#'.repeat(full) + '.'.repeat(width - full);
}

/** Three digits at most, in binary units. */
export function formatSize(size: number): string {
  let unit = 0;
  let value = size;
  while (Math.round(value) >= 1000 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** `12s`, `3m05s`, `2h07m`: rounded up, so that it ends at nothing left. */
export function formatDuration(duration: Milliseconds): string {
  const seconds = Math.ceil(duration / 1000);
  const two = (number: number) => String(number).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  const minutes = Math.ceil(seconds / 60);
  return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
}
