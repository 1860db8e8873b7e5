import { readFileSync } from 'node:fs';

/** The value below which `share` of the sorted samples lie. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Ticks per second of /proc/PID/stat, the same on every Linux we know. */
const TICKS = 100;

/** Seconds of processor time a process has used so far. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Megabytes of memory in use, and the most there ever were. */
export function memory(pid: number): { readonly now: number; readonly most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
  return { now: read('VmRSS'), most: read('VmHWM') };
}

export const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  /** Undefined where there is nothing to compare with. */
  readonly other: number | undefined;
  /** What `other` is. */
  readonly against: string;
}

/** One line of the table: both figures and their ratio. */
export function formatRow({ what, unit, ours, other, against }: Row): string {
  const ratio = other === undefined || other === 0 ? '' : `${(ours / other).toFixed(2)}`;
  const figure = (value: number | undefined) => (value === undefined ? '' : `${Number(value.toPrecision(3))} ${unit}`);
  return `| ${what} | ${figure(ours)} | ${figure(other)} | ${against} | ${ratio} |`;
}
