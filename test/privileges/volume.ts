/** A container's disk, in a mount namespace of its own, on which root starts the program. */
import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { checkout, type Life, startLife } from '../e2e/life.ts';

export const nobody = 65_534;

export interface VolumeRun {
  /** Flags of `run`. */
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Shell commands before the program, in its mount namespace: mounts, limits, umask. */
  readonly before?: string;
  /** What comes between: `setpriv …`. */
  readonly by?: readonly string[];
}

export class Volume implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'volume-'));
  readonly database = join(this.folder, 'data', 'station.db');
  readonly staging = join(this.folder, 'data', '.station.db-litestream');
  readonly replica = join(this.folder, 'backup', 'station');
  readonly config = join(this.folder, 'litestream.yml');
  readonly #program = join(this.folder, 'program');
  readonly #lives: Life[] = [];

  constructor() {
    chmodSync(this.folder, 0o755);
    mkdirSync(this.#program);
    this.configure();
  }

  configure(more: Readonly<Record<string, unknown>> = {}): void {
    const replicas = [{ type: 'file', path: this.replica, 'sync-interval': '1s' }];
    const text = stringify({ logging: { stderr: true }, dbs: [{ path: this.database, replicas, ...more }] });
    writeFileSync(this.config, text);
  }

  /** `entrypoint run --config … -- sh -c SCRIPT`, the script with `$DB`. */
  start(script: string, { flags = [], environment = {}, before = 'true', by = [] }: VolumeRun = {}): Life {
    // The checkout may lie where only root looks: mounted here, the user can read it.
    const shell = `mount --bind "$0" "$1" && shift && { ${before}; } && exec "$@"`;
    const program = [join(this.#program, 'entrypoint'), 'run', '--config', this.config, ...flags];
    const words = ['-m', '/bin/sh', '-c', shell, checkout, this.#program, ...by, ...program];
    const life = startLife('unshare', [...words, '--', '/bin/sh', '-c', script], this.folder, {
      DB: this.database,
      ...environment,
    });
    this.#lives.push(life);
    return life;
  }

  async run(script: string, options: VolumeRun = {}) {
    const life = this.start(script, options);
    return { ...life, ...(await life.ended) };
  }

  /** A file or (with a slash at its end) a folder, in folders that are root's. */
  make(path: string, owner = 0, mode?: number): string {
    const full = join(this.folder, path);
    mkdirSync(dirname(full), { recursive: true });
    if (path.endsWith('/')) mkdirSync(full, { recursive: true });
    else writeFileSync(full, 'content');
    chownSync(full, owner, owner);
    if (mode !== undefined) chmodSync(full, mode);
    return full;
  }

  ownerOf(path: string): number {
    return lstatSync(path.startsWith('/') ? path : join(this.folder, path)).uid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const life of this.#lives) life.end();
    await Promise.all(this.#lives.map((life) => life.ended));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A child that commits one row. */
export const addRow =
  'sqlite3 "$DB" "PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS t(a); INSERT INTO t VALUES(1);"';
export const countRows = 'sqlite3 "$DB" "SELECT \'rows \' || count(*) FROM t;"';
