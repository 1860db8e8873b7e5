import { StationError } from '../errors.ts';
import { parseTimestamp } from '../ltx/timestamp.ts';
import type { Milliseconds } from '../quantities.ts';

/**
 * A moment as a person writes one: RFC 3339, also with a space and in lowercase, as `date --rfc-3339` and that standard have
 * it. Never without its offset: a guess would be hours off.
 * @throws StationError USAGE
 */
export function parseMoment(text: string): Milliseconds {
  const written = text.trim().toUpperCase();
  const moment = parseTimestamp(written.replace(' ', 'T'));
  if (moment !== undefined) return moment;
  throw new StationError('USAGE', `"${text}" is not a moment in RFC 3339, as in 2024-01-15T14:30:00Z`, {
    hint: hintFor(written.replace(' ', 'T')),
  });
}

function hintFor(written: string): string {
  const withTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?$/.test(written) ? written : undefined;
  const completed = withTime ?? (/^\d{4}-\d{2}-\d{2}$/.test(written) ? `${written}T00:00:00` : undefined);
  if (completed !== undefined && parseTimestamp(`${completed}Z`) !== undefined) {
    return `say in which time zone: ${completed}Z for UTC, or with an offset, as in ${completed}+02:00`;
  }
  return 'write date, time and offset: 2024-01-15T14:30:00Z for UTC, or 2024-01-15T16:30:00+02:00';
}
