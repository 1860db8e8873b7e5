import { StationError } from '../errors.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';

/** Renewed three times in it: 259,200 writes a month, which S3 bills $1.30. */
export const LEASE_DURATION = milliseconds(30_000);

/** Below, the renewals would be a busy loop; above, a dead instance would keep everyone waiting. */
const LIMITS = { least: 3_000, most: 600_000 };

/** @throws StationError USAGE for one that is too short or too long */
export function checkLeaseDuration(given: Milliseconds | undefined): Milliseconds | undefined {
  if (given === undefined || (given >= LIMITS.least && given <= LIMITS.most)) return given;
  throw new StationError('USAGE', `the lease duration must be from 3s to 10m, not ${given / 1000} s`, {
    hint: 'set --lease-duration or STATION_LEASE_DURATION',
  });
}
