import { txid } from '../../quantities.ts';
import type { Inventory } from '../../restore/inventory.ts';
import type { LocalDatabase } from '../../restore/local-database.ts';
import type { NamedReplica } from '../../restore/restore-target.ts';
import type { PrepareOptions } from '../replication-settings.ts';
import { type HistoryEnd, Staging } from '../staging/staging.ts';
import type { StagingFolder } from '../staging/staging-folder.ts';
import { claimNextFiles, discardRestored, readPageOne } from './claim.ts';
import { meetDatabase } from './meet-database.ts';
import type { Opened } from './opened.ts';
import type { ReplicaLeases } from './replica-leases.ts';
import type { StartState } from './restore-at-start.ts';

/** Another holder may get in between so often before this start gives up. */
const CLAIMS = 5;

type WriterStart = Pick<StartState, 'known' | 'check' | 'remotes' | 'listings'> & { readonly staging: Staging };

/**
 * Finds out how the database is met, and where an upload of another instance's may still arrive, claims the name that it
 * would have. Who is overtaken by it looks again: at a chain that is longer by that file.
 */
export async function startAsOnlyWriter(
  options: PrepareOptions,
  folder: StagingFolder,
  replicas: readonly NamedReplica[],
  leases: ReplicaLeases,
  local: LocalDatabase['kind'],
  signal: AbortSignal,
  opened: Opened,
): Promise<WriterStart> {
  const { database, settings, log, clocks } = options;
  const needsClaim = leases.needsClaim(local === 'database' ? 'present' : 'absent');
  for (let attempt = 1; ; attempt += 1) {
    const start = await meetDatabase(options, folder, replicas, leases, signal, opened);
    const staging = new Staging(folder, start.content, clocks.wall);
    const { continueAbove, known } = start;
    if (!needsClaim) {
      if (continueAbove !== undefined) await staging.continueAbove(continueAbove);
      return { ...start, staging };
    }
    const pageOne = continueAbove === undefined ? await readPageOne(database.path, staging.position, known) : undefined;
    if (pageOne === undefined) {
      await leaveRoomForOne(staging, continueAbove);
      if (staging.position.txid > 0) leases.noteClaimed();
      return { ...start, staging };
    }
    const file = await staging.claim(pageOne);
    const held = replicas.flatMap(({ name, store }) => {
      const remote = start.remotes.get(name);
      return remote === undefined ? [] : [{ name, store, remote, lease: leases.of(name) }];
    });
    const isRestored = known.kind === 'restored';
    const patience = isRestored ? settings.restoreTimeout : settings.lookTimeout;
    const outcome = await claimNextFiles(staging, held, clocks.wall(), patience, signal);
    if (outcome.kind === 'claimed') {
      for (const error of outcome.failed) log.warn(`the next file could not be claimed: ${error.message}`);
      const [failure] = outcome.failed;
      if (isRestored && outcome.remotes.size === 0 && failure !== undefined) {
        // Nobody has written to it, and another instance may go on meanwhile: the next start is to see an empty disk.
        await discardRestored(database.path, folder, start.content.position, file);
        throw failure;
      }
      // What was claimed is in no listing yet.
      const listings = new Map<string, Inventory>();
      return { ...start, staging, remotes: new Map([...start.remotes, ...outcome.remotes]), listings };
    }
    log.warn('the last holder wrote until just now: looking at the replicas again', { why: outcome.error.message });
    if (attempt === CLAIMS) throw outcome.error;
    if (isRestored) await discardRestored(database.path, folder, start.content.position, file);
  }
}

/** Where the replicas get a snapshot next, one late file of another's may come before it, and stays below it. */
async function leaveRoomForOne(staging: Staging, above: HistoryEnd | undefined): Promise<void> {
  const { txid: at, timestamp } = staging.position;
  if (at === 0) return;
  const end = above ?? { txid: at, timestamp };
  await staging.continueAbove({ ...end, txid: txid(Math.max(end.txid, at) + 1) });
}
