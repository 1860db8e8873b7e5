import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { askSync } from '../control/ask-sync.ts';
import type { Txid } from '../quantities.ts';
import { type LocalPosition, loadPosition } from '../replication/staging/position-file.ts';
import type { StagingFolder } from '../replication/staging/staging-folder.ts';
import { openChecksumFile } from '../restore/checksum-file.ts';
import { inspectLocalDatabase } from '../restore/local-database.ts';
import { LiveDatabase, withClosedDatabase } from './live-database.ts';
import { type PageSource, writeDigests } from './page-digests.ts';
import type { ReferenceResult } from './reference.ts';

export interface LivePlace {
  readonly database: string;
  readonly staging: StagingFolder;
  /** Of the process that may replicate it; undefined: it has none. */
  readonly socket: string | undefined;
  /** How long that process may take to sync. */
  readonly timeout: number;
  /** Where the page checksums go. */
  readonly folder: string;
}

/** So often a database is asked for that moves on meanwhile. */
const TRIES = 20;

/**
 * Reads the pages of the live database as of a TXID, through a connection of our own. Where a process replicates it, that
 * process is asked to sync, so that the replicas hold that TXID.
 * @throws StationError what the process met; the signal's reason
 */
export async function findReference(place: LivePlace, signal: AbortSignal): Promise<ReferenceResult> {
  const { database, staging } = place;
  const local = await inspectLocalDatabase(database);
  if (local.kind !== 'database') return none(`there is no database ${database}`);
  const live = LiveDatabase.open(database);
  if (live === undefined) return await closedReference(place);
  try {
    let isReplicated = false;
    for (let count = 0; count < TRIES; count += 1) {
      const synced =
        place.socket === undefined ? undefined : await askSync(place.socket, database, place.timeout, signal);
      isReplicated ||= synced !== undefined;
      const position = await loadPosition(staging.position);
      if (position === undefined || position.txid === 0) return none('nothing of it has been captured yet');
      const answer = await live.stateAt(position, isReplicated ? 'since-opened' : 'before');
      if (answer.kind === 'state') return await proven(place, answer.source, position, signal, isReplicated);
      if (!isReplicated) return none('it has commits that are not captured yet: no process replicates it');
      await pause(50, undefined, { signal });
    }
    return none('it is written to so fast that no TXID could be met');
  } finally {
    live.close();
  }
}

/** While the pages are read, the replicas get what they still lack of that state. */
async function proven(
  { database, socket, timeout, folder }: LivePlace,
  source: PageSource,
  { txid }: LocalPosition,
  signal: AbortSignal,
  isReplicated: boolean,
): Promise<ReferenceResult> {
  const digests = join(folder, 'live-pages');
  await writeDigests(source, txid, digests);
  if (isReplicated && socket !== undefined) await askSync(socket, database, timeout, signal);
  return { kind: 'reference', reference: { txid, digests, certainty: 'proven' } };
}

async function closedReference({ database, staging, folder }: LivePlace): Promise<ReferenceResult> {
  const position = await loadPosition(staging.position);
  if (position === undefined || position.txid === 0) return none('nothing of it has been captured yet');
  const { txid } = position;
  const digests = join(folder, 'live-pages');
  const found = await withClosedDatabase(database, async (source) => {
    await writeDigests(source, txid, digests);
    return true;
  });
  if (found === undefined) return none('no process replicates it, and it has a WAL that nobody has read');
  const captured = await capturedAt(staging.pageChecksums, txid);
  return { kind: 'reference', reference: { txid, digests, certainty: { captured } } };
}

async function capturedAt(path: string, txid: Txid): Promise<string | undefined> {
  const opened = await openChecksumFile(path);
  await opened?.file.close();
  return opened?.header.txid === txid ? path : undefined;
}

function none(why: string): ReferenceResult {
  return { kind: 'none', why };
}
