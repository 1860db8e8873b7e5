import { setTimeout as pause } from 'node:timers/promises';
import { StationError, toStationError } from '../errors.ts';
import type { ReplicaUploader } from './replica/replica-uploader.ts';
import type { SyncLoop } from './sync/sync-loop.ts';

/** How long an end waits for uploads that were broken off, in milliseconds. */
const STOP_PATIENCE = 250;

export interface LastSync {
  readonly loop: Pick<SyncLoop, 'finish'>;
  readonly uploaders: readonly Pick<ReplicaUploader, 'hurry' | 'settled' | 'stop'>[];
  /** Ends what else holds the database, or takes of the line. */
  readonly breakOff: () => Promise<unknown>;
}

/**
 * The last capture of a database, and the upload of all that there is; returns soon after `isTimeUp` resolves.
 * @returns why the last commits were not captured; undefined where they were
 */
export async function lastSync(
  { loop, uploaders, breakOff }: LastSync,
  isTimeUp: Promise<'aborted'>,
): Promise<StationError | undefined> {
  try {
    for (const uploader of uploaders) uploader.hurry();
    // A snapshot under way holds the database; and all the line is the last upload's now.
    await Promise.race([breakOff(), isTimeUp]);
    const finished = loop.finish().then(
      () => undefined,
      (error: unknown) => toStationError(error),
    );
    const uncaptured = await Promise.race([finished, isTimeUp]);
    if (uncaptured === 'aborted')
      return new StationError('CAPTURE_FAILED', 'the last capture was not finished in time');
    // Until every replica holds everything, or never will.
    await Promise.race([Promise.all(uploaders.map((uploader) => uploader.settled())), isTimeUp]);
    return uncaptured;
  } finally {
    await waitForEnd(Promise.all(uploaders.map((uploader) => uploader.stop())));
  }
}

/** A store that does not heed the abort (a hung network mount) must not hold up what is to come. */
export async function waitForEnd(stopped: Promise<unknown>): Promise<void> {
  await Promise.race([stopped, pause(STOP_PATIENCE, undefined, { ref: false })]);
}
