import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import type { DatabaseConfig } from '../../../src/config/config.ts';
import { parseFileName } from '../../../src/ltx/file-name.ts';
import { createLog } from '../../../src/observe/create-log.ts';
import { bytes, milliseconds } from '../../../src/quantities.ts';
import { createReplication } from '../../../src/replication/replication.ts';
import type { ReplicationSettings } from '../../../src/replication/replication-settings.ts';
import { restoreDatabase } from '../../../src/restore/restore.ts';
import type { RestoreTarget } from '../../../src/restore/restore-target.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import type { StoreOptions } from '../../../src/storage/store-options.ts';
import type { Replication } from '../../../src/supervisor/replication-port.ts';
import { clocks, settings } from './settings.ts';

/** What a life is to be like: times in milliseconds, far below what a config may say. */
export interface LifeChange {
  readonly retention?: number;
  readonly level0Retention?: number;
  readonly snapshotInterval?: number;
  readonly levels?: readonly number[];
  readonly stagingMaxBytes?: number;
  /** Of retention. */
  readonly checkInterval?: number;
  readonly settings?: Partial<ReplicationSettings>;
}

const never = new AbortController().signal;

/** A database and its replicas in folders, replicated within this process and kept up at a hurried pace. */
export class HurriedSite {
  readonly folder: string;
  readonly path: string;
  /** The wall clock; a test may set it anew. */
  clock: () => number = Date.now;
  #passed = 0;
  readonly #replicas: ReadonlyMap<string, StoreOptions>;
  #running: Replication | undefined;
  #database: Database.Database | undefined;

  /**
   * @param more of each replica: its keys, or another kind of store
   * @param folder where another life of it was lived; undefined: a new one
   */
  constructor(
    replicas: readonly string[] = ['one'],
    more: Partial<StoreOptions> = {},
    folder: string = mkdtempSync(join(tmpdir(), 'upkeep-')),
  ) {
    this.folder = folder;
    this.path = join(folder, 'data', 'station.db');
    mkdirSync(join(folder, 'data'), { recursive: true });
    this.#replicas = new Map(
      replicas.map((name) => [name, { type: 'file', path: this.replicaFolder(name), ...more } as StoreOptions]),
    );
  }

  replicaFolder(replica: string): string {
    return join(this.folder, 'replicas', replica);
  }

  async start(change: LifeChange = {}): Promise<void> {
    this.#running = createReplication({
      databases: [this.#config(change)],
      settings: { ...settings, ...change.settings },
      drainRequire: 'all',
      drainAtMost: undefined,
      log: createLog({ format: 'logfmt', level: 'ERROR' }),
      clocks: {
        ...clocks,
        wall: () => milliseconds(this.clock() + this.#passed),
        monotonic: () => milliseconds(performance.now() + this.#passed),
      },
    });
    await this.#running.prepare(never);
    this.#database = new Database(this.path);
    this.#database.exec('PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, body BLOB)');
  }

  /** Time goes by, in milliseconds: by every clock, and not only because one was set. */
  pass(time: number): void {
    this.#passed += time;
  }

  /** Runs this as the application. */
  commit(sql = 'INSERT INTO t (body) VALUES (randomblob(2000))'): void {
    this.#database?.exec(sql);
  }

  /** Commits until this holds. */
  async writeUntil(what: string, condition: () => boolean, sql?: (count: number) => string): Promise<void> {
    const giveUp = Date.now() + 40_000;
    for (let count = 0; !condition(); count += 1) {
      if (Date.now() > giveUp) throw new Error(`in vain: ${what}`);
      this.commit(sql?.(count));
      await sleep(10);
    }
  }

  /** The application goes, the drain is complete; what the database is then. */
  async end(): Promise<Buffer> {
    this.#database?.close();
    const report = await this.#running?.drain(AbortSignal.timeout(30_000));
    if (report?.complete !== true) throw new Error(`the drain is not complete: ${JSON.stringify(report)}`);
    await this.#running?.close();
    this.#running = undefined;
    return readFileSync(this.path);
  }

  /** The TXIDs of a replica's files at one level, rising. */
  rangesAt(replica: string, level: number): readonly { readonly minTxid: number; readonly maxTxid: number }[] {
    const at = join(this.replicaFolder(replica), 'ltx', String(level));
    const names = existsSync(at) ? readdirSync(at).sort() : [];
    return names.flatMap((name) => parseFileName(name) ?? []);
  }

  /** What a replica gives back, checked by SQLite in full. */
  async restored(replica: string, target: RestoreTarget = { kind: 'newest' }): Promise<Buffer> {
    const options = this.#replicas.get(replica);
    if (options === undefined) throw new Error(`no replica ${replica}`);
    const output = join(this.folder, 'restored.db');
    rmSync(output, { force: true });
    const outcome = await restoreDatabase({
      replicas: [{ name: replica, store: await openStore(options) }],
      target,
      policy: { quorum: 'any', from: undefined },
      events: { step: () => {}, warn: () => {}, progress: () => {} },
      signal: never,
      output,
      overwrite: true,
      checksumFile: undefined,
      integrity: { mode: 'full', maxBytes: bytes(1 << 30) },
    });
    if (outcome.kind !== 'restored') throw new Error(`nothing to restore from ${replica}`);
    return readFileSync(output);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#database?.open === true) this.#database.close();
    await this.#running?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #config(change: LifeChange): DatabaseConfig {
    const where = 'test';
    return {
      path: this.path,
      stagingFolder: join(this.folder, 'data', '.station.db-litestream'),
      stagingMaxBytes: bytes(change.stagingMaxBytes ?? 1 << 30),
      replicas: [...this.#replicas].map(([name, store]) => ({
        name,
        store,
        syncInterval: milliseconds(20),
        maxUploadRate: undefined,
        snapshotInterval: milliseconds(change.snapshotInterval ?? 3.6e6),
        retention: {
          enabled: true,
          duration: milliseconds(change.retention ?? 3.6e6),
          checkInterval: milliseconds(change.checkInterval ?? 500),
          grace: milliseconds(0),
        },
        validationInterval: undefined,
        where,
      })),
      notConfigured: [],
      restore: { quickCheckMaxBytes: bytes(1 << 30) },
      compaction: {
        levels: (change.levels ?? [500, 2_000]).map(milliseconds),
        level0Retention: milliseconds(change.level0Retention ?? 500),
        level0RetentionCheckInterval: milliseconds(100),
      },
      where,
    };
  }
}
