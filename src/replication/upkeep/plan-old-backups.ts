import type { ReplicaConfig } from '../../config/config.ts';
import type { StationError } from '../../errors.ts';
import { type Milliseconds, milliseconds } from '../../quantities.ts';
import type { LegacyListing } from '../../restore/legacy/generations.ts';
import { type LegacyRetentionPlan, planLegacyRetention } from '../../restore/legacy/legacy-retention.ts';
import { isDamage, readHeader } from '../../restore/position.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type HeldFile, type HeldFiles, type Holdings, idOf, SNAPSHOT_LEVEL } from '../levels/held-files.ts';
import { GRACE } from '../levels/retention-plan.ts';
import { keyOf } from './delete-files.ts';

type Retention = ReplicaConfig['retention'];

/**
 * The oldest LTX snapshot that is newer than every object of the generations. An older one does not do: whoever went back
 * to Litestream 0.3 for a while has commits in the generations that no chain holds before the next snapshot.
 */
export function supersedingSnapshot(
  { newest }: LegacyListing,
  held: Holdings,
  unreadable: Pick<ReadonlyMap<string, unknown>, 'has'>,
): HeldFile | undefined {
  return held.level(SNAPSHOT_LEVEL).find((file) => file.time > newest && !unreadable.has(idOf(file)));
}

/** What may go of old backups, with the LTX snapshot that stands in for them. */
export function planOldBackups(
  { generations, isCut }: LegacyListing,
  snapshot: HeldFile | undefined,
  { duration, grace = GRACE }: Retention,
  now: Milliseconds,
): LegacyRetentionPlan {
  const retention = milliseconds(duration + grace);
  const policy = { now, retention, chainFrom: snapshot?.time };
  if (!isCut || (snapshot !== undefined && snapshot.time <= now - retention)) {
    return planLegacyRetention(generations, policy);
  }
  const why = 'too many objects to tell them apart: all go once the LTX snapshots reach back beyond the retention';
  const verdicts = generations.map(({ name, snapshots, segments, spares }) => ({
    generation: name,
    removed: [],
    kept: [...snapshots, ...segments, ...spares],
    why,
  }));
  return { verdicts, keys: [], next: snapshot && milliseconds(snapshot.time + retention) };
}

/**
 * The same, after the snapshot's header was read anew: that it is there, is sound, and when it was made.
 * @param unreadable snapshots that were found damaged, also by this
 * @throws what `store.get` throws
 */
export async function planOldBackupsForSure(
  store: ObjectStore,
  listing: LegacyListing,
  held: HeldFiles,
  unreadable: Map<string, StationError>,
  retention: Retention,
  now: Milliseconds,
  signal: AbortSignal,
): Promise<LegacyRetentionPlan> {
  const read = new Set<string>();
  for (;;) {
    const snapshot = supersedingSnapshot(listing, held, unreadable);
    if (snapshot === undefined || read.has(idOf(snapshot))) return planOldBackups(listing, snapshot, retention, now);
    read.add(idOf(snapshot));
    try {
      const listed = { ...snapshot, key: keyOf(store, snapshot), lastModified: snapshot.storedAt };
      held.settleTime(snapshot, (await readHeader(store, listed, signal)).timestamp);
    } catch (error) {
      if (!isDamage(error)) throw error;
      unreadable.set(idOf(snapshot), error);
    }
  }
}
