import { open, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isStationError, StationError, toStationError } from '../../errors.ts';
import type { Lease } from '../../lease/lease.ts';
import { pageChecksum } from '../../ltx/checksum.ts';
import { type Milliseconds, pageNumber } from '../../quantities.ts';
import { backoffDelay, drainBackoff } from '../../storage/backoff.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { KnownState } from '../../wal/follower.ts';
import { type RemotePosition, reconcile } from '../replica/reconcile.ts';
import { uploadLtxFile } from '../replica/upload.ts';
import { type LocalPosition, savePosition } from '../staging/position-file.ts';
import { firstAbove, removeStagedFiles, type StagedFile } from '../staging/staged-files.ts';
import type { Staging } from '../staging/staging.ts';
import type { StagingFolder } from '../staging/staging-folder.ts';

/** A replica whose lease is held, and what it was found to hold since. */
export interface ClaimedReplica {
  readonly name: string;
  readonly store: ObjectStore;
  readonly lease: Pick<Lease, 'announceTakeover' | 'noteClaimed'> | undefined;
  readonly remote: RemotePosition;
}

export type ClaimOutcome =
  /** The names that an older holder would write next are ours. */
  | {
      readonly kind: 'claimed';
      readonly remotes: ReadonlyMap<string, RemotePosition>;
      readonly failed: readonly StationError[];
    }
  /** An older holder has written meanwhile: what the replicas hold is to be looked at again. */
  | { readonly kind: 'overtaken'; readonly error: StationError };

/**
 * Uploads, to each replica that this history continues, the file that follows what it holds: the name under which an older
 * holder's next file would come, were it to wake up, or were its upload still under way. Created only if absent, so one
 * of the two finds it taken.
 * @param patience how long a replica may take; one that takes longer has failed, as unreachable
 * @throws the signal's reason on abort
 */
export async function claimNextFiles(
  staging: Pick<Staging, 'position' | 'level0'>,
  replicas: readonly ClaimedReplica[],
  now: Milliseconds,
  patience: Milliseconds,
  signal: AbortSignal,
): Promise<ClaimOutcome> {
  const staged = new Map(staging.level0.map((file) => [file.maxTxid, file.fileChecksum] as const));
  const remotes = new Map<string, RemotePosition>();
  const failed: StationError[] = [];
  let overtaken: StationError | undefined;
  const claim = async ({ name, store, lease, remote }: ClaimedReplica) => {
    const continuation = reconcile(staging.position, remote, staged);
    // It gets a snapshot that ends higher: what arrives late is below that, and in no restore.
    if (continuation.kind !== 'append') return lease?.noteClaimed();
    const file = staging.level0[firstAbove(staging.level0, continuation.after)];
    if (file?.minTxid !== continuation.after + 1) return;
    const late = AbortSignal.timeout(patience);
    const limit = AbortSignal.any([signal, late]);
    try {
      await lease?.announceTakeover({ txid: file.minTxid, at: now }, limit);
      await uploadPatiently(store, file, limit);
      lease?.noteClaimed();
      const { maxTxid, timestamp, fileChecksum } = file;
      remotes.set(name, { txid: maxTxid, listedTxid: maxTxid, timestamp, fileChecksums: [fileChecksum] });
    } catch (error) {
      signal.throwIfAborted();
      if (isStationError(error, 'FENCED')) overtaken = error;
      else if (late.aborted && !isStationError(error)) failed.push(silent(store, patience));
      else failed.push(toStationError(error));
    }
  };
  await Promise.all(replicas.map(claim));
  return overtaken === undefined ? { kind: 'claimed', remotes, failed } : { kind: 'overtaken', error: overtaken };
}

function silent({ url }: ObjectStore, patience: Milliseconds): StationError {
  return new StationError('STORAGE_UNREACHABLE', `${url} did not answer within ${patience / 1000} s`);
}

async function uploadPatiently(store: ObjectStore, file: StagedFile, limit: AbortSignal): Promise<void> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await uploadLtxFile(store, file, limit);
    } catch (error) {
      if (limit.aborted || !isStationError(error, 'STORAGE_UNREACHABLE', 'STORAGE_THROTTLED')) throw error;
      await delay(backoffDelay(failures, drainBackoff, Math.random()), undefined, { signal: limit });
    }
  }
}

/**
 * Page 1 as it was at the position; undefined where that cannot be told without reading the WAL. To be called before any
 * SQLite connection of this process opens the file: closing a descriptor drops its locks.
 */
export async function readPageOne(
  path: string,
  { pageSize }: LocalPosition,
  known: KnownState,
): Promise<Uint8Array | undefined> {
  if (pageSize === 0 || known.kind === 'nothing') return undefined;
  const page = Buffer.alloc(pageSize);
  const file = await open(path, 'r');
  try {
    const { bytesRead } = await file.read(page, 0, pageSize, 0);
    if (bytesRead < pageSize) return undefined;
  } finally {
    await file.close();
  }
  if (known.kind === 'restored') return page;
  const saved = (await known.checksums?.read(1, 1))?.[0];
  return saved === pageChecksum(pageNumber(1), page) ? page : undefined;
}

/** Takes back a restore that was overtaken: nothing has written to the copy, and the replicas hold more than it. */
export async function discardRestored(
  database: string,
  folder: StagingFolder,
  restored: LocalPosition,
  claim: StagedFile,
): Promise<void> {
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(database + suffix, { force: true });
  await removeStagedFiles([claim]);
  await savePosition(folder.position, restored);
}
