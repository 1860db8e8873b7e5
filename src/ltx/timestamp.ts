import { type Milliseconds, milliseconds } from '../quantities.ts';

const RFC_3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:Z|([+-])(\d{2}):(\d{2}))$/;
const MINUTE = 60_000;

/** RFC 3339 in UTC with three fractional digits, as in `2000-10-21T06:40:50.123Z`. Go reads it in every place Litestream uses one. */
export function formatTimestamp(moment: Milliseconds): string {
  return new Date(moment).toISOString();
}

/**
 * A moment written in RFC 3339, with any number of fractional digits (cut to milliseconds) and any offset. Undefined
 * for anything else, also for a day that does not exist.
 */
export function parseTimestamp(text: string): Milliseconds | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const field = (group: number): number => Number(match[group] ?? 0);
  const [month, day, hour, minute, second] = [field(2), field(3), field(4), field(5), field(6)];
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 || field(9) > 23 || field(10) > 59)
    return undefined;
  const fraction = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const date = new Date(0);
  date.setUTCFullYear(field(1), month - 1, day);
  if (date.getUTCDate() !== day || date.getUTCMonth() !== month - 1) return undefined;
  date.setUTCHours(hour, minute, second, fraction);
  const offset = (field(9) * 60 + field(10)) * MINUTE * (match[8] === '-' ? -1 : 1);
  return milliseconds(date.getTime() - offset);
}
