import { StationError } from '../../errors.ts';

/** An object of a 0.3 backup that is not what was written. @param name its address */
export function legacyDamage(name: string, what: string, cause?: unknown): StationError {
  return new StationError('LEGACY_DAMAGED', `${name}: ${what}`, { cause });
}
