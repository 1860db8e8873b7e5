import { StationError } from '../errors.ts';

const ONE_AT_A_TIME =
  'two instances on this replica could overwrite each other: never run two at a time, or use another store';

/** The store cannot stop a second writer. */
export function unableToFence(why: string, hint = ONE_AT_A_TIME): StationError {
  return new StationError('STORAGE_BROKEN', `unable to fence: ${why}`, { hint });
}
