import { StationError } from '../../errors.ts';

/** An object of a 0.3 backup that is not what was written. @param name its address */
export function legacyDamage(name: string, what: string, cause?: unknown): StationError {
  return new StationError('LEGACY_DAMAGED', `${name}: ${what}`, { cause });
}

/** What is wrong with a snapshot at one moment, and not at a later one, when all WAL of before it has been written. */
export const AHEAD_OF_WAL = 'is ahead of the WAL that is replayed over it';

/** Whether an object was left out of a restore for that alone. */
export function isAheadOfWal(reason: string | undefined): boolean {
  return reason?.includes(AHEAD_OF_WAL) === true;
}
