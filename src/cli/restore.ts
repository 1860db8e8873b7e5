import { StationError } from '../errors.ts';
import type { RestoreOptions } from './run-options.ts';

/** Restores one database. Resolves to the exit status. */
export async function restoreCommand(options: RestoreOptions): Promise<number> {
  throw new StationError('USAGE', `restore ${options.source}: not yet`);
}
