import { join } from 'node:path';
import type { DatabaseConfig, DatabaseFolderConfig } from '../../config/config.ts';
import { databaseIn } from '../../config/folder-database.ts';
import { StationError, toStationError } from '../../errors.ts';
import type { Log } from '../../observe/log.ts';
import { bytes, type Milliseconds } from '../../quantities.ts';
import type { ReplicaDrain } from '../../supervisor/replication-port.ts';
import { aborted } from '../../waiting.ts';
import type { DatabaseReplication } from '../database-replication.ts';
import type { DatabaseSet } from '../database-set.ts';
import type { ReplicationSettings } from '../replication-settings.ts';
import { findDatabases } from './find-databases.ts';
import { FolderWatcher, type LookOutcome } from './folder-watcher.ts';
import { HeldFiles } from './held-files.ts';
import { RestoreMark } from './restore-mark.ts';
import { scanFolder } from './scan-folder.ts';

/** A database that an application replaces is gone for a moment. */
const GONE_AFTER = 2_000;
/** How long the last upload of a database that was deleted may take. */
const FAREWELL = 30_000;
/** A database that could not be taken in is tried again so much later, twice as much each time. */
const [FIRST_RETRY, LAST_RETRY] = [5_000, 300_000];

export interface FolderReplicationOptions {
  readonly folder: DatabaseFolderConfig;
  readonly set: DatabaseSet;
  readonly settings: ReplicationSettings;
  /** Whether a file has an entry of its own in the config. */
  readonly isElsewhere: (path: string) => boolean;
  /** A database was taken in while the command runs. */
  readonly joined: (database: DatabaseReplication) => void;
  readonly log: Log;
  readonly monotonicClock: () => Milliseconds;
}

interface Failure {
  readonly error: StationError;
  readonly count: number;
  readonly notBefore: number;
}

/** The databases of one folder: found at the start, and while the command runs where the config says `watch`. */
export class FolderReplication {
  readonly #options: FolderReplicationOptions;
  readonly #log: Log;
  readonly #held: HeldFiles;
  readonly #watcher: FolderWatcher;
  readonly #ending = new AbortController();
  /** Under way, by relative path. */
  readonly #joining = new Map<string, Promise<void>>();
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #missing = new Map<string, number>();
  readonly #failures = new Map<string, Failure>();
  /** Why a file was left alone, as last told. */
  readonly #told = new Map<string, string>();

  constructor(options: FolderReplicationOptions) {
    this.#options = options;
    this.#log = options.log.with({ folder: options.folder.path });
    this.#held = new HeldFiles(options.folder.path);
    this.#watcher = new FolderWatcher(options.folder, this.#held, () => this.#lookOrTell());
  }

  /** Those to be prepared before the command starts. @throws what `findDatabases` throws */
  async find(signal: AbortSignal): Promise<readonly DatabaseConfig[]> {
    const { folder, settings, isElsewhere } = this.#options;
    const leftAlone = (path: string, why: string) => this.#tellOnce(path, why);
    const found = await findDatabases(folder, settings, isElsewhere, leftAlone, signal, this.#log);
    for (const path of found) this.#held.add(path);
    return found.map((path) => databaseIn(folder, path));
  }

  /** All that were found are prepared. */
  async begin(): Promise<void> {
    const { folder } = this.#options;
    await new RestoreMark(folder.path).clear();
    this.#held.refresh();
    if (folder.discovery === 'always') this.#watcher.start();
  }

  /** The last look, when no process of the command is left: what it made just before is not forgotten. */
  async end(timeUp: AbortSignal): Promise<void> {
    this.#watcher.stop();
    const isTimeUp = aborted(timeUp);
    if (this.#options.folder.discovery === 'always') {
      // Now or never: no failure waits for its next try, and nothing that is missing comes back.
      for (const [path, failure] of this.#failures) this.#failures.set(path, { ...failure, notBefore: 0 });
      this.#lookOrTell('last');
      await Promise.race([Promise.all([...this.#joining.values(), ...this.#leaving.values()]), isTimeUp]);
      for (const path of this.#joining.keys()) this.#fail(path, new StationError('CAPTURE_FAILED', 'no time was left'));
    } else {
      try {
        this.#warnOfUnwatched();
      } catch (error) {
        this.#log.warn(toStationError(error).message);
      }
    }
    this.stop();
  }

  /** Databases that are there and were never followed. */
  get unfollowed(): readonly ReplicaDrain[] {
    const nothing = { files: 0, txids: undefined, bytes: bytes(0), since: undefined };
    return [...this.#failures].flatMap(([path, { error }]) => {
      const database = databaseIn(this.#options.folder, path);
      return database.replicas.map(({ name }) => ({
        database: database.path,
        replica: name,
        complete: false,
        missing: nothing,
        reason: error.message,
      }));
    });
  }

  /** Ends what is under way; the set closes what is open. */
  stop(): void {
    this.#watcher.stop();
    this.#ending.abort(new StationError('CAPTURE_FAILED', 'the replication is being stopped'));
  }

  /** A folder that cannot be read for a moment (its volume is away) changes nothing: what is followed stays followed. */
  #lookOrTell(which: 'one-of-many' | 'last' = 'one-of-many'): LookOutcome {
    try {
      return this.#look(which);
    } catch (error) {
      const { message, hint } = toStationError(error);
      this.#log.warn(`new databases are not noticed: ${message}`, { hint });
      return { folders: undefined, again: LAST_RETRY };
    }
  }

  #look(which: 'one-of-many' | 'last'): LookOutcome {
    const { folder, isElsewhere } = this.#options;
    this.#held.refresh();
    const found = scanFolder(folder, this.#held);
    const now = this.#options.monotonicClock();
    const present = new Set(found.databases);
    for (const [path, why] of found.passedOver) this.#tellOnce(path, why);
    for (const path of present) {
      this.#missing.delete(path);
      if (!this.#held.has(path) && !isElsewhere(join(folder.path, path))) this.#tryToJoin(path, now);
    }
    for (const path of this.#failures.keys()) if (!present.has(path)) this.#failures.delete(path);
    // At the end every process that could bring one back is gone; what was committed to it is drained as ever.
    if (which === 'one-of-many') {
      for (const path of this.#held.paths) if (!present.has(path)) this.#noteMissing(path, now);
    }
    const waits = [...this.#failures.values()].map(({ notBefore }) => notBefore - now);
    if (this.#missing.size > 0) waits.push(GONE_AFTER);
    return { folders: found.folders, again: waits.length === 0 ? undefined : Math.max(1_000, Math.min(...waits)) };
  }

  #tryToJoin(path: string, now: number): void {
    const failure = this.#failures.get(path);
    if (failure !== undefined && now < failure.notBefore) return;
    this.#held.add(path);
    this.#start(this.#joining, path, this.#join(path));
  }

  async #join(path: string): Promise<void> {
    const { folder, set, joined } = this.#options;
    const database = databaseIn(folder, path);
    let replication: DatabaseReplication | undefined;
    try {
      replication = set.add(database, true);
      await set.prepare(replication, this.#ending.signal);
      this.#failures.delete(path);
      this.#log.info('a database has appeared: it is replicated from now on', { db: database.path });
      joined(replication);
    } catch (error) {
      if (replication !== undefined) await set.drop(database.path);
      this.#held.delete(path);
      this.#fail(path, toStationError(error));
    }
  }

  #fail(path: string, error: StationError): void {
    const count = (this.#failures.get(path)?.count ?? 0) + 1;
    const notBefore = this.#options.monotonicClock() + Math.min(LAST_RETRY, FIRST_RETRY * 2 ** (count - 1));
    this.#failures.set(path, { error, count, notBefore });
    // Removed again while it was being looked at.
    if (error.code === 'DATABASE_INVALID') return;
    const db = join(this.#options.folder.path, path);
    this.#log.error(`a database has appeared and is not replicated: ${error.message}`, { db, hint: error.hint });
  }

  #noteMissing(path: string, now: number): void {
    const since = this.#missing.get(path) ?? now;
    this.#missing.set(path, since);
    if (now - since < GONE_AFTER || this.#joining.has(path) || this.#leaving.has(path)) return;
    this.#missing.delete(path);
    this.#start(this.#leaving, path, this.#leave(path));
  }

  /** What was committed before the file was removed can still be read through the open connections. */
  async #leave(path: string): Promise<void> {
    const { folder, set } = this.#options;
    const db = join(folder.path, path);
    const database = set.all.find((one) => one.path === db);
    const replicas =
      (await database?.drain(AbortSignal.any([AbortSignal.timeout(FAREWELL), this.#ending.signal]))) ?? [];
    await set.drop(db);
    this.#held.delete(path);
    const lacking = replicas.filter(({ complete }) => !complete);
    if (lacking.length === 0) this.#log.info('a database is gone: it is followed no longer; its replica stays', { db });
    for (const { replica, reason } of lacking) {
      this.#log.warn('a database is gone, and a replica lacks its last commits', { db, replica, reason });
    }
  }

  #start(kind: Map<string, Promise<void>>, path: string, work: Promise<void>): void {
    const done = work
      .catch((error: unknown) => this.#log.error(toStationError(error).message, { db: path }))
      .then(() => {
        kind.delete(path);
        this.#watcher.wake();
      });
    kind.set(path, done);
  }

  #tellOnce(path: string, why: string): void {
    if (this.#told.get(path) === why) return;
    this.#told.set(path, why);
    this.#log.debug(`left alone: ${why}`, { file: join(this.#options.folder.path, path) });
  }

  #warnOfUnwatched(): void {
    const { folder, isElsewhere } = this.#options;
    const found = scanFolder(folder, this.#held).databases;
    const unfollowed = found.filter((path) => !this.#held.has(path) && !isElsewhere(join(folder.path, path)));
    if (unfollowed.length === 0) return;
    const hint = 'add "watch: true" to replicate them; the next start finds them too';
    this.#log.warn('databases that appeared while the command ran have no replica', {
      databases: unfollowed.slice(0, 10).join(' '),
      count: unfollowed.length,
      hint,
    });
  }
}
