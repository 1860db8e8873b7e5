import { type StationError, toStationError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import type { Txid } from '../quantities.ts';
import { keepUnreplicated } from './staging/set-aside.ts';
import type { Staging } from './staging/staging.ts';
import type { StagingFolder } from './staging/staging-folder.ts';

/** How an instance ends that another one goes on from. */
export interface FencedEnd {
  readonly fence: StationError;
  /** Whether the last commits are staged, or in the database alone. */
  readonly tail: 'captured' | 'not-captured';
  /** The highest TXID that a replica is known to hold of this history. */
  readonly held: Txid;
  readonly now: Date;
}

/** Sets aside what is staged and in no replica, and tells of it: nobody goes on from that any more. Does not reject. */
export async function endFenced(
  folder: StagingFolder,
  staging: Pick<Staging, 'level0' | 'snapshot'>,
  { fence, tail, held, now }: FencedEnd,
  log: Log,
): Promise<void> {
  const why = fence.message;
  try {
    const kept = await keepUnreplicated(folder, staging, held, now);
    if (tail === 'not-captured') {
      const rest = 'the last commits were not captured, and are in the database here alone';
      log.error(`another instance goes on: ${rest}`, { why });
    }
    if (kept !== undefined) log.error('another instance goes on: what no replica holds is kept', { ...kept, why });
    else if (tail === 'captured')
      log.error('another instance goes on: everything committed here is in a replica', { why });
  } catch (error) {
    log.error(`what no replica holds could not be set aside: ${toStationError(error).message}`, {
      folder: folder.root,
    });
  }
}
