import { type Milliseconds, milliseconds } from '../../quantities.ts';
import { readHeader } from '../../restore/position.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { firstEndingAbove, type HeldFile, type HeldFiles } from '../levels/held-files.ts';
import { grainOf } from '../levels/merge-plan.ts';
import { keyOf } from './delete-files.ts';

const PARALLEL_READS = 8;

/**
 * After a listing: reads the time inside the first level-0 file under each merged one whose level-0 files retention would
 * let go by the listing's times. What an outage held back has been stored within a moment, and may span hours.
 * A file that cannot be read counts as old, so that what follows it stays.
 * @throws the signal's reason on abort
 */
export async function settleTimes(
  store: ObjectStore,
  held: HeldFiles,
  mergeIntervals: readonly Milliseconds[],
  signal: AbortSignal,
): Promise<void> {
  const level0 = held.level(0);
  const grain = grainOf(mergeIntervals);
  const doubtful = held.level(1).flatMap((over) => {
    const first = level0[firstEndingAbove(level0, (over.minTxid - 1) as typeof over.minTxid)];
    const isInDoubt =
      first?.minTxid === over.minTxid && first.timeFrom === 'listing' && over.time - first.time <= grain;
    return isInDoubt ? [first] : [];
  });
  const left = doubtful.values();
  const worker = async () => {
    for (const file of left) held.settleTime(file, await timeOf(store, file, signal));
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_READS, doubtful.length) }, worker));
}

async function timeOf(store: ObjectStore, file: HeldFile, signal: AbortSignal): Promise<Milliseconds> {
  try {
    const listed = { ...file, key: keyOf(store, file), lastModified: file.storedAt };
    return (await readHeader(store, listed, signal)).timestamp;
  } catch {
    signal.throwIfAborted();
    return milliseconds(0);
  }
}
