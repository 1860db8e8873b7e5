import { stat } from 'node:fs/promises';
import type { DatabaseConfig } from '../config/config.ts';
import { askState, type ToldState } from '../control/ask-sync.ts';
import { type StationError, toStationError } from '../errors.ts';
import { type Bytes, bytes, type Milliseconds, milliseconds, type Txid, txid } from '../quantities.ts';
import { loadPosition } from '../replication/staging/position-file.ts';
import { listStagedFiles, type StagedFile } from '../replication/staging/staged-files.ts';
import { type StagingFolder, stagingFolderAt } from '../replication/staging/staging-folder.ts';
import { tryStagingLock } from '../replication/staging/staging-lock.ts';
import { openChecksumFile } from '../restore/checksum-file.ts';
import { LiveDatabase } from '../verify/live-database.ts';
import { differenceFrom } from '../verify/page-digests.ts';

/** What is known of a database where it is. */
export interface LocalStatus {
  readonly isThere: boolean;
  /** Size of the `-wal` file; undefined where there is none. */
  readonly walSize: Bytes | undefined;
  /** When the database or its WAL was written to last. */
  readonly writtenAt: Milliseconds | undefined;
  /** What is captured; undefined: nothing yet. */
  readonly position: CapturedPosition | undefined;
  /** Files of the staging folder. */
  readonly staged: readonly StagedFile[];
  /** Whether there are commits that are not captured. While a process answers, that is its business. */
  readonly uncaptured: 'none' | 'some' | 'unknown';
  readonly process: LocalProcess;
}

export interface CapturedPosition {
  readonly txid: Txid;
  readonly timestamp: Milliseconds;
  /** Of the files known to end there; empty where a process told the position. */
  readonly fileChecksums: readonly string[];
}

export type LocalProcess =
  | { readonly kind: 'answers'; readonly state: ToldState }
  /** It holds the database, and cannot be asked: it is starting, or ending, or has no socket. */
  | { readonly kind: 'silent'; readonly error: StationError | undefined }
  | { readonly kind: 'none' };

/** A closed database up to this size is compared with what was captured, page by page. */
const SMALL = 64 * 1024 * 1024;

/** Looks at a database, and asks the process that replicates it. @param timeout of that question, in milliseconds */
export async function lookAtDatabase(
  database: DatabaseConfig,
  socket: string | undefined,
  timeout: number,
): Promise<LocalStatus> {
  const { path } = database;
  const staging = stagingFolderAt(database.stagingFolder);
  const [file, wal] = await Promise.all([path, `${path}-wal`].map((one) => stat(one).catch(() => undefined)));
  const process = await findProcess(staging, socket, path, timeout);
  const saved = await loadPosition(staging.position);
  const staged = await listStagedFiles(staging.level0, 0).catch(() => []);
  const isThere = file !== undefined && file.size > 0;
  const told = process.kind === 'answers' ? process.state : undefined;
  const position = told === undefined ? saved : { ...told, txid: txid(told.txid), fileChecksums: [] };
  const times = [file, wal].flatMap((found) => (found === undefined ? [] : [found.mtimeMs]));
  return {
    isThere,
    walSize: wal && bytes(wal.size),
    writtenAt: times.length === 0 ? undefined : milliseconds(Math.max(...times)),
    position:
      position === undefined || position.txid === 0
        ? undefined
        : {
            txid: position.txid,
            timestamp: milliseconds(position.timestamp),
            fileChecksums: position.txid === saved?.txid ? saved.fileChecksums : [],
          },
    staged,
    uncaptured: isThere ? await lookForUncaptured(process, path, staging, file?.size ?? 0) : 'none',
    process,
  };
}

async function findProcess(
  { lock }: StagingFolder,
  socket: string | undefined,
  path: string,
  timeout: number,
): Promise<LocalProcess> {
  let error: StationError | undefined;
  try {
    const state = socket === undefined ? undefined : await askState(socket, path, timeout);
    if (state !== undefined) return { kind: 'answers', state };
  } catch (thrown) {
    error = toStationError(thrown);
  }
  if ((await stat(lock).catch(() => undefined)) === undefined) return { kind: 'none' };
  const held = tryStagingLock(lock);
  held?.release();
  return held === undefined ? { kind: 'silent', error } : { kind: 'none' };
}

async function lookForUncaptured(
  process: LocalProcess,
  path: string,
  staging: StagingFolder,
  size: number,
): Promise<LocalStatus['uncaptured']> {
  if (process.kind === 'answers') return 'none';
  try {
    return await findUncaptured(path, staging, size);
  } catch {
    // The database is locked, or another user's: the replicas can be told of all the same.
    return 'unknown';
  }
}

async function findUncaptured(path: string, staging: StagingFolder, size: number): Promise<LocalStatus['uncaptured']> {
  const position = await loadPosition(staging.position);
  if (position === undefined || position.txid === 0) return 'some';
  const live = LiveDatabase.open(path);
  if (live !== undefined) {
    try {
      if ((await live.stateAt(position, 'before')).kind === 'state') return 'none';
      // A WAL without a frame tells nothing: all is in the file.
      if (live.hasFrames()) return 'some';
    } finally {
      live.close();
    }
  } else if ((await stat(`${path}-wal`).catch(() => undefined)) !== undefined) return 'unknown';
  if (size > SMALL) return 'unknown';
  const captured = await openChecksumFile(staging.pageChecksums);
  await captured?.file.close();
  if (captured?.header.txid !== position.txid) return 'unknown';
  return (await differenceFrom(path, staging.pageChecksums)) === undefined ? 'none' : 'some';
}
