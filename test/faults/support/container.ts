import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytes } from '../../../src/quantities.ts';
import { restoreDatabase } from '../../../src/restore/restore.ts';
import type { RestoreOutcome } from '../../../src/restore/restore-options.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import type { StoreOptions } from '../../../src/storage/store-options.ts';
import { type Acknowledged, type Rows, readAcknowledged, readSoundRows } from './rows.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const writer = join(import.meta.dirname, '..', 'writers', 'numbered-rows.mjs');

export interface ContainerOptions {
  /** The `replicas:` of the config, as YAML flow objects. */
  readonly replicas: readonly string[];
  /** More keys of the database, one per line. */
  readonly databaseKeys?: readonly string[];
}

export interface WriterOptions {
  readonly life?: string;
  /** Milliseconds between two bursts of commits. */
  readonly pause?: number;
  readonly burst?: number;
  /** Bytes of a row at most. */
  readonly payload?: number;
  /** Rows that no compression makes smaller. */
  readonly dense?: boolean;
  readonly seed?: number;
}

/** One run of the supervisor with the application under it. */
export interface Life {
  readonly supervisor: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  log(): string;
  /** The application's process, once the log has told it. */
  applicationPid(): number | undefined;
}

/** A machine with a disk on which the supervisor can live and die many times. */
export class Container {
  readonly folder = mkdtempSync(join(tmpdir(), 'station-faults-'));
  readonly database = join(this.folder, 'data', 'station.db');
  readonly acks = join(this.folder, 'acks');
  readonly staging = join(this.folder, 'data', '.station.db-litestream');
  readonly #config = join(this.folder, 'litestream.yml');
  readonly #lives: Life[] = [];

  constructor(options: ContainerOptions) {
    mkdirSync(join(this.folder, 'data'));
    const replicas = options.replicas.map((replica) => `      - ${replica.replaceAll('FOLDER', this.folder)}`);
    const keys = (options.databaseKeys ?? []).map((line) => `    ${line}`);
    const lines = ['logging:', '  level: debug', 'dbs:', `  - path: ${this.database}`, ...keys, '    replicas:'];
    writeFileSync(this.#config, [...lines, ...replicas, ''].join('\n'));
  }

  start(
    options: WriterOptions & {
      readonly faultPoint?: string | undefined;
      readonly flags?: readonly string[];
      readonly command?: readonly string[];
    },
  ): Life {
    const { faultPoint, flags = [], ...writerOptions } = options;
    const command = options.command ?? [
      process.execPath,
      writer,
      this.database,
      this.acks,
      JSON.stringify(writerOptions),
    ];
    const supervisor = spawn(
      process.execPath,
      [join(root, 'src/main.ts'), 'run', '--config', this.#config, ...flags, '--', ...command],
      {
        cwd: this.folder,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: process.env['PATH'],
          HOME: this.folder,
          // The container of one pod, whose disk may be lost: the next one need not wait for the lease to expire.
          KUBERNETES_SERVICE_HOST: '10.96.0.1',
          POD_UID: this.folder,
          // Half of it is the application's, which may wait for 10 s where another process has its database locked.
          STATION_STOP_TIMEOUT: '24s',
          STATION_LEASE_DURATION: '3s',
          ...(faultPoint === undefined ? {} : { STATION_FAULT_POINT: faultPoint }),
        },
      },
    );
    let log = '';
    for (const stream of [supervisor.stdout, supervisor.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
    }
    const ended = new Promise<Awaited<Life['ended']>>((resolve) => {
      supervisor.once('exit', (code, signal) => resolve({ code, signal }));
    });
    const life: Life = {
      supervisor,
      ended,
      log: () => log,
      applicationPid: () => {
        const pid = /msg="command started".* pid=(\d+)/.exec(log)?.[1];
        return pid === undefined ? undefined : Number(pid);
      },
    };
    this.#lives.push(life);
    return life;
  }

  /** Ends what is left of a life, as the end of a container would. */
  async killAll(life: Life): Promise<void> {
    life.supervisor.kill('SIGKILL');
    await life.ended;
    const giveUp = Date.now() + 10_000;
    for (let left = this.#processes(); left.length > 0; left = this.#processes()) {
      if (Date.now() > giveUp) throw new Error(`processes ${left.join(', ')} do not end`);
      for (const pid of left) signal(pid);
      await sleep(5);
    }
  }

  /** What runs on this machine's disk: an orphan of a killed supervisor is known only by its arguments. */
  #processes(): readonly number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((name) => argumentsOf(name).includes(this.folder))
      .map(Number);
  }

  acknowledged(): readonly Acknowledged[] {
    return readAcknowledged(this.acks);
  }

  /** From here on only these commits count as acknowledged: the others went with the disk. */
  forgetAfter(n: number): void {
    const lines = this.acknowledged().filter((row) => row.n <= n);
    writeFileSync(this.acks, lines.map((row) => `${JSON.stringify([row.n, row.life, row.time])}\n`).join(''));
  }

  /** The database as SQLite would find it now, read from a copy so that nothing is touched. */
  localRows(): Rows {
    const copy = join(this.folder, 'copy');
    rmSync(copy, { recursive: true, force: true });
    mkdirSync(copy);
    for (const suffix of ['', '-wal']) {
      if (existsSync(this.database + suffix)) cpSync(this.database + suffix, join(copy, `station.db${suffix}`));
    }
    return readSoundRows(join(copy, 'station.db'));
  }

  /** What one replica gives back: rows, and how the restore went. */
  async restored(
    store: StoreOptions,
  ): Promise<{ readonly rows: Rows; readonly outcome: RestoreOutcome; file: string }> {
    const file = join(this.folder, 'restored', 'station.db');
    rmSync(join(this.folder, 'restored'), { recursive: true, force: true });
    mkdirSync(join(this.folder, 'restored'));
    const opened = await openStore(store);
    try {
      const outcome = await restoreDatabase({
        replicas: [{ name: 'replica', store: opened }],
        target: { kind: 'newest' },
        policy: { quorum: 'any', from: undefined },
        events: { step: () => {}, warn: () => {}, progress: () => {} },
        signal: new AbortController().signal,
        output: file,
        checksumFile: undefined,
        integrity: { mode: 'quick', maxBytes: bytes(1 << 30) },
      });
      const image = existsSync(file) ? readFileSync(file) : undefined;
      return { rows: readSoundRows(file), outcome, file: this.#keep(image) };
    } finally {
      await opened.close();
    }
  }

  #keep(image: Buffer | undefined): string {
    const file = join(this.folder, 'restored', 'image');
    if (image !== undefined) writeFileSync(file, image);
    return file;
  }

  /** Room that one level of the staging folder takes. */
  stagedBytes(level: '0' | '9'): number {
    const folder = join(this.staging, 'ltx', level);
    const sizes = readdirSync(folder).map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  wipeDisk(): void {
    rmSync(join(this.folder, 'data'), { recursive: true, force: true });
    mkdirSync(join(this.folder, 'data'));
  }

  async waitFor(what: string, condition: () => boolean, life?: Life): Promise<void> {
    const giveUp = Date.now() + 30_000;
    while (!condition()) {
      if (Date.now() > giveUp) throw new Error(`waited in vain for: ${what}\n${life?.log() ?? ''}`);
      await sleep(10);
    }
  }

  async remove(): Promise<void> {
    for (const life of this.#lives) await this.killAll(life);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has ended since.
    return '';
  }
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
