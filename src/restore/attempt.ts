import { open, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isStationError, StationError, toStationError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import type { Bytes, Milliseconds } from '../quantities.ts';
import type { ReplicaPosition } from './answer.ts';
import { applyPlan } from './apply.ts';
import { findLackOfRoom } from './disk-room.ts';
import { AHEAD_OF_WAL, legacyDamage } from './legacy/damage.ts';
import { applyLegacyPlan } from './legacy/legacy-apply.ts';
import type { LegacyPlan } from './legacy/legacy-plan.ts';
import type { RestorePlan } from './plan.ts';
import { proveFile } from './prove.ts';
import type { RestoreDatabaseOptions } from './restore-options.ts';
import type { NamedReplica } from './restore-target.ts';
import { writeError } from './write-error.ts';

/** Small files cost round trips alone. Of large ones, the limit on memory lets in eight pieces. */
const DEFAULT_PARALLELISM = 16;

/** From this size on the check takes seconds, in which nothing else is told. */
const LONG_CHECK = 256 * 1024 * 1024;

/** What became of one try with one plan of one replica. Whatever failed here may go better with another. */
export type Attempt =
  | {
      readonly kind: 'proven';
      readonly file: string;
      readonly timestamp: Milliseconds;
      readonly pageSize: number;
      /** Size of the database, in pages. */
      readonly commit: number;
      readonly bytesDownloaded: Bytes;
      readonly integrity: 'ok' | 'deferred' | 'skipped';
      readonly remarks: readonly string[];
    }
  | { readonly kind: 'damaged'; readonly key: string; readonly error: StationError }
  /** A file of the plan has gone since it was listed. */
  | { readonly kind: 'gone'; readonly error: StationError }
  | { readonly kind: 'failed'; readonly error: StationError }
  /** All files are sound, the database in them is not. */
  | { readonly kind: 'unsound'; readonly error: StationError };

/**
 * Fetches, applies, proves and fsyncs; publishes nothing.
 * @throws StationError DATA_FOLDER or RESTORE_WRITE where the disk refuses: no other replica would help
 */
export async function attemptRestore(
  options: RestoreDatabaseOptions,
  replica: NamedReplica,
  plan: RestorePlan | LegacyPlan,
  position: ReplicaPosition,
): Promise<Attempt> {
  const { signal } = options;
  const file = await prepareWorkFolder(options);
  try {
    const applied = await apply(options, replica, plan, position, file);
    if (applied.kind === 'damaged') return applied;
    const size = applied.pageSize * applied.commit;
    if (size >= LONG_CHECK && size <= options.integrity.maxBytes && options.integrity.mode !== 'none') {
      options.events.step('all is fetched; checking the restored database');
    }
    // The disk writes while SQLite reads: neither waits for the other.
    const [proof] = await Promise.all([proveFile(file, applied, options.integrity, signal), syncFile(file)]);
    if (proof.kind === 'unsound') return plan.format === undefined ? proof : judgeLegacy(replica, plan, proof.error);
    return { ...applied, file, integrity: proof.kind, remarks: remarksOf(proof), kind: 'proven' };
  } catch (error) {
    signal.throwIfAborted();
    if (isStationError(error, 'DATA_FOLDER', 'RESTORE_WRITE', 'INTERNAL') || !isStationError(error)) throw error;
    return { kind: isStationError(error, 'STORAGE_NOT_FOUND') ? 'gone' : 'failed', error: toStationError(error) };
  }
}

async function apply(
  options: RestoreDatabaseOptions,
  { store }: NamedReplica,
  plan: RestorePlan | LegacyPlan,
  position: ReplicaPosition,
  databaseFile: string,
): Promise<Extract<Attempt, { kind: 'damaged' }> | (StateOfFile & { readonly kind: 'applied' })> {
  const { signal, checksumFile } = options;
  const parallelism = options.parallelism ?? DEFAULT_PARALLELISM;
  const common = { store, databaseFile, parallelism, progress: options.events.progress, signal };
  if (plan.format === 'litestream-0.3') {
    const applied = await applyLegacyPlan({ ...common, plan });
    return applied.kind === 'damaged' ? applied : { ...applied, timestamp: plan.timestamp };
  }
  if (position.format !== undefined) throw new StationError('INTERNAL', 'a position of another format than its plan');
  const lack = await findLackOfRoom(databaseFile, position.pageSize * position.commit);
  if (lack !== undefined) options.events.warn(lack);
  const applied = await applyPlan({ ...common, plan, position, checksumFile });
  if (applied.kind === 'damaged') return { kind: 'damaged', key: applied.file.key, error: applied.error };
  return { ...applied, pageSize: position.pageSize, commit: position.commit };
}

type StateOfFile = Pick<Extract<Attempt, { kind: 'proven' }>, 'timestamp' | 'pageSize' | 'commit' | 'bytesDownloaded'>;

/** Where the snapshot may be ahead of its WAL, that is what is wrong with it: an older one may do. */
function judgeLegacy({ store }: NamedReplica, plan: LegacyPlan, error: StationError): Attempt {
  if (plan.settled === 'yes') return { kind: 'unsound', error };
  const { key } = plan.snapshot;
  return {
    kind: 'damaged',
    key,
    error: legacyDamage(`${store.url}/${key}`, `${AHEAD_OF_WAL}: ${error.message}`, error),
  };
}

function remarksOf(proof: {
  readonly kind: string;
  readonly remarks?: readonly string[];
  readonly reason?: string | undefined;
}) {
  if (proof.reason !== undefined) return [`SQLite could not run its check on the restored database: ${proof.reason}`];
  return (proof.remarks ?? []).map((remark) => `the restored database is as the original was: ${remark}`);
}

function workFolderOf(options: RestoreDatabaseOptions): string {
  return options.workFolder ?? workFolderBeside(options.output);
}

/** Where a file is restored that is to be published as `output`. */
export function workFolderBeside(output: string): string {
  return join(dirname(output), `.${basename(output)}-restore`);
}

/** An empty place to work in, whatever a killed process left there. */
async function prepareWorkFolder(options: RestoreDatabaseOptions): Promise<string> {
  const folder = workFolderOf(options);
  const file = join(folder, 'restoring.db');
  try {
    await makeFolder(folder);
    await removeFiles(file, options.checksumFile);
    return file;
  } catch (cause) {
    throw writeError(`the database cannot be restored into ${folder}`, cause);
  }
}

/** Leaves nothing of a restore that was not published. */
export async function clearWork(options: RestoreDatabaseOptions, published: boolean): Promise<void> {
  const folder = workFolderOf(options);
  await removeFiles(join(folder, 'restoring.db'), published ? undefined : options.checksumFile).catch(() => undefined);
  if (options.workFolder === undefined) await rmdir(folder).catch(() => undefined);
}

async function removeFiles(database: string, checksums: string | undefined): Promise<void> {
  const names = ['', '-wal', '-shm', '-journal'].map((suffix) => database + suffix);
  await Promise.all(
    [...names, ...(checksums === undefined ? [] : [checksums])].map((path) => rm(path, { force: true })),
  );
}

async function syncFile(path: string): Promise<void> {
  try {
    const file = await open(path, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw writeError('the database could not be written', cause);
  }
}
