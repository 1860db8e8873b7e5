import type { Milliseconds } from '../../quantities.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type LegacySegment, type LegacySnapshot, listSegmentsAfter } from './generations.ts';
import { formatIndex, segmentPrefix } from './legacy-key.ts';

/** As stores list them: so many objects cost one request. */
const PAGE = 1_000;

/**
 * Whether all of a generation is of this time or before, as its snapshots and its last segment tell; times rise with the
 * names. The last segment is searched for, not listed up to: a week of commits may be sixty thousand objects, which take
 * seconds to list, and a backup beside a newer chain of LTX files is asked for at each start.
 * @param snapshots all of it
 * @throws what `store.list` throws
 */
export async function endsBy(
  store: ObjectStore,
  generation: string,
  snapshots: readonly LegacySnapshot[],
  time: Milliseconds,
  signal: AbortSignal,
): Promise<boolean> {
  if (snapshots.some(({ lastModified }) => lastModified > time)) return false;
  const last = await findLastSegment(store, generation, snapshots.at(-1)?.index ?? 0, signal);
  return (last?.lastModified ?? 0) <= time;
}

/** Looks ever farther ahead, then halves what is left: about two requests for each doubling of the number of WAL files. */
async function findLastSegment(
  store: ObjectStore,
  generation: string,
  fromIndex: number,
  signal: AbortSignal,
): Promise<LegacySegment | undefined> {
  const prefix = segmentPrefix(generation);
  const pageAfter = (key: string) => listSegmentsAfter(store, generation, key, signal, PAGE);
  let page = await pageAfter(prefix + formatIndex(fromIndex));
  let last = page.at(-1);
  let end = Number.POSITIVE_INFINITY;
  // A first page that is full tells how many WAL files go on one.
  const spanned = (last?.index ?? 0) - (page[0]?.index ?? 0) + 1;
  for (let step = spanned; last !== undefined && page.length === PAGE; step *= 2) {
    const next = end === Number.POSITIVE_INFINITY ? last.index + step : Math.floor((last.index + end) / 2);
    // Within one WAL file there is nothing to skip.
    if (next <= last.index) page = await pageAfter(last.key);
    else {
      const found = await pageAfter(prefix + formatIndex(next));
      if (found.length === 0) {
        end = next;
        continue;
      }
      page = found;
    }
    last = page.at(-1) ?? last;
  }
  return last;
}
