import type { Milliseconds, Txid } from '../../quantities.ts';
import type { LocalPosition } from '../staging/position-file.ts';

/** What one replica holds, as far as continuing it goes. */
export interface RemotePosition {
  /** The newest TXID that can be restored from it; 0 where it holds nothing. */
  readonly txid: Txid;
  /** The highest TXID in any of its file names: above `txid` where files between are missing or damaged. */
  readonly listedTxid: Txid;
  readonly timestamp: Milliseconds;
  /** File checksums of its files that end at `txid`, as 16 hex digits. */
  readonly fileChecksums: readonly string[];
  /** Its lease was last that of an instance with another disk: what is not known here is that one's. */
  readonly isAnothers?: boolean;
}

/** How replication to one replica goes on. */
export type Continuation =
  /** It holds what we have up to `after`; level-0 files follow from there. */
  | { readonly kind: 'append'; readonly after: Txid }
  /**
   * It needs the whole database as one file that ends above TXID `above`, before level-0 files can follow. Above, not
   * at: with a name of ours beside one of another history at the same TXID, a restore could not tell them apart.
   */
  | { readonly kind: 'snapshot'; readonly why: string; readonly above: Txid }
  /** It holds commits that this database never had. */
  | { readonly kind: 'ahead'; readonly why: string };

/**
 * Decides it from the two positions and the checksums of the level-0 files still staged (by TXID).
 *
 * The rule behind it: append only where the last file there is known to be one of ours; where it is not, put a
 * snapshot above it (rule 4: append, never overwrite); and where it is newer than all this database ever wrote,
 * leave the decision to a person.
 */
export function reconcile(
  local: LocalPosition,
  remote: RemotePosition,
  staged: ReadonlyMap<Txid, string>,
): Continuation {
  const above = remote.listedTxid;
  if (above > local.txid) {
    return { kind: 'ahead', why: `it holds TXID ${above}, this database ends at ${local.txid}` };
  }
  if (above === 0) {
    return isStaged(staged, 1, local.txid)
      ? { kind: 'append', after: remote.txid }
      : { kind: 'snapshot', why: 'it is empty', above };
  }
  const ours = remote.txid === local.txid ? local.fileChecksums : checksumsAt(local, staged, remote.txid);
  if (ours.length > 0 && remote.fileChecksums.some((checksum) => ours.includes(checksum))) {
    if (above > remote.txid) return { kind: 'snapshot', why: 'files in it are missing or damaged', above };
    if (isStaged(staged, remote.txid + 1, local.txid)) return { kind: 'append', after: remote.txid };
    return { kind: 'snapshot', why: 'files it lacks are no longer staged', above };
  }
  // Whatever the clocks say: who had the lease went on, and this database was left behind.
  if (remote.isAnothers === true) {
    return {
      kind: 'ahead',
      why: `its TXID ${remote.txid} was written by another instance, after this one lost the lease`,
    };
  }
  if (remote.timestamp > local.timestamp) {
    return { kind: 'ahead', why: `its TXID ${remote.txid} was written later, and not by this database` };
  }
  return { kind: 'snapshot', why: 'its last file is not known here', above };
}

function isStaged(staged: ReadonlyMap<Txid, string>, from: number, to: number): boolean {
  for (let number = from; number <= to; number += 1) if (!staged.has(number as Txid)) return false;
  return true;
}

function checksumsAt(local: LocalPosition, staged: ReadonlyMap<Txid, string>, at: Txid): readonly string[] {
  const checksum = staged.get(at);
  const landmarks = local.landmarks.filter((landmark) => landmark.txid === at).map(({ fileChecksum }) => fileChecksum);
  return checksum === undefined ? landmarks : [checksum, ...landmarks];
}
