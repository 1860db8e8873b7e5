import type { ReplicaConfig } from '../../config/config.ts';
import { StationError } from '../../errors.ts';
import type { Lease } from '../../lease/lease.ts';
import type { Log } from '../../observe/log.ts';
import { milliseconds } from '../../quantities.ts';
import { askReplica } from '../../restore/ask-replicas.ts';
import type { NamedReplica } from '../../restore/restore-target.ts';
import { openStore } from '../../storage/open-store.ts';
import { limitUploadRate } from '../../storage/rate-limited-store.ts';
import type { RemotePosition } from '../replica/reconcile.ts';
import type { Opened } from './opened.ts';
import { remotePositionOf } from './remote-position.ts';

/** Opens the store of each. @param opened they are added to it */
export async function openReplicas(
  configs: readonly ReplicaConfig[],
  log: Log,
  opened: Opened,
): Promise<readonly NamedReplica[]> {
  return await Promise.all(
    configs.map(async ({ name, store: where, maxUploadRate }) => {
      const unableToFence = (why: string) => warnOfFencing(log.with({ replica: name }), why);
      const opening = await openStore(where, { unableToFence });
      const store = maxUploadRate === undefined ? opening : limitUploadRate(opening, maxUploadRate);
      opened.add(() => store.close());
      return { name, store };
    }),
  );
}

function warnOfFencing(log: Log, why: string): void {
  log.warn(`the store is unable to fence: ${why}`, {
    hint: 'two instances could overwrite each other there: run one at a time, or use another store',
  });
}

/** One question to a replica that did not answer at the start; the uploader asks again by itself if it fails. */
export function askerOf(
  replica: NamedReplica,
  lease: Lease | undefined,
): (signal: AbortSignal) => Promise<RemotePosition> {
  return async (signal) => {
    const report = await askReplica(replica, { kind: 'newest' }, new Map(), milliseconds(30_000), signal, 'none');
    const remote = remotePositionOf(report.answer);
    if (remote !== undefined) return { ...remote, isAnothers: lease?.decides === true && lease.isAfterAnother };
    if (report.answer.kind === 'failed') throw report.answer.error;
    throw new StationError('STORAGE_UNREACHABLE', `${replica.store.url} does not answer`);
  };
}
