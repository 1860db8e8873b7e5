/** Lives of the real program: `./entrypoint` as a process, with a real child, in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'yaml';

export const checkout = join(import.meta.dirname, '..', '..');
export const node = join(checkout, 'node_modules', '.bin', 'node');
export const scriptedApp = join(import.meta.dirname, 'scripted-app.ts');
/** Long enough for a slow machine; only a hang lasts that long. */
const PATIENCE = 20_000;

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One run of the program, from its start to its exit. */
export interface Life {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<End>;
  log(): string;
  output(): string;
  /** Rows the child told of after their commit, in order. */
  acknowledged(): readonly number[];
  /** Rows the child found when it was last told to list them; undefined if it never did. */
  seen(): readonly number[] | undefined;
  /** Waits until the log and the output, taken together, hold this. Fails if the program ends before. */
  waitFor(what: RegExp, patience?: number): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** The child's process, as the log tells it. */
  childPid(): number;
  /** Whatever is left of it and of its child is gone after this and `ended`. */
  end(): void;
  /** SIGTERM, and the end that follows. */
  stop(): Promise<End>;
}

export interface StartOptions {
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What the config file says instead of the site's own. */
  readonly replicas?: readonly ReplicaSettings[];
}

export type ReplicaSettings = Readonly<Record<string, unknown>>;

/** A container's disk and its config: `data/`, `litestream.yml`, and whatever replicas the test keeps elsewhere. */
export class Site implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'e2e-'));
  readonly database = join(this.folder, 'data', 'station.db');
  readonly staging = join(this.folder, 'data', '.station.db-litestream');
  readonly config = join(this.folder, 'litestream.yml');
  readonly replicas: readonly ReplicaSettings[];
  readonly #lives: Life[] = [];

  constructor(replicas?: readonly ReplicaSettings[]) {
    this.replicas = replicas ?? [this.folderReplica()];
    this.configure(this.replicas);
  }

  folderReplica(name = 'file'): ReplicaSettings {
    return { name, type: 'file', path: this.replicaFolder(name), 'sync-interval': '1s' };
  }

  replicaFolder(name: string): string {
    return join(this.folder, 'replicas', name);
  }

  configure(replicas: readonly ReplicaSettings[]): void {
    // The log apart from what the child tells.
    writeFileSync(this.config, stringify({ logging: { stderr: true }, dbs: [{ path: this.database, replicas }] }));
  }

  /** `entrypoint run --config … -- scripted app`, doing these steps. */
  start(steps: readonly string[], options: StartOptions = {}): Life {
    return this.startCommand([node, scriptedApp, ...steps], options);
  }

  startCommand(command: readonly string[], options: StartOptions = {}): Life {
    this.configure(options.replicas ?? this.replicas);
    const flags = ['--config', this.config, '--log-level', 'debug', ...(options.flags ?? [])];
    return this.launch(join(checkout, 'entrypoint'), ['run', ...flags, '--', ...command], options.environment);
  }

  /** The steps, to the end. */
  async run(steps: readonly string[], options: StartOptions = {}): Promise<Life & End> {
    const life = this.start(steps, options);
    return { ...life, ...(await life.ended) };
  }

  launch(program: string, words: readonly string[], environment: StartOptions['environment'] = {}): Life {
    // Who dies and is not the same on an empty disk has to wait for this.
    const own = { DATABASE: this.database, STATION_LEASE_DURATION: '3s' };
    const life = startLife(program, words, this.folder, { ...own, ...environment });
    this.#lives.push(life);
    return life;
  }

  /** The disk of the container is lost: database and staging folder. Replicas are elsewhere. */
  wipe(): void {
    rmSync(dirname(this.database), { recursive: true, force: true });
  }

  makeDataFolder(): void {
    mkdirSync(dirname(this.database), { recursive: true });
  }

  /** What stands beside the database, the staging folder left out. */
  dataFolder(): readonly string[] {
    if (!existsSync(dirname(this.database))) return [];
    return readdirSync(dirname(this.database)).filter((name) => name !== basename(this.staging));
  }

  /** A copy of the disk as it is now, for a later `bringBackDisk`. */
  keepDisk(name: string): void {
    cpSync(dirname(this.database), join(this.folder, 'kept', name), { recursive: true });
  }

  bringBackDisk(name: string): void {
    this.wipe();
    renameSync(join(this.folder, 'kept', name), dirname(this.database));
  }

  /** The level-0 files of a folder replica, oldest first. */
  filesOf(replica: string): readonly string[] {
    const folder = join(this.replicaFolder(replica), 'ltx', '0');
    return readdirSync(folder)
      .sort()
      .map((name) => join(folder, name));
  }

  /** As 16 hex digits. */
  newestTxid(replica: string): string {
    return basename(this.filesOf(replica).at(-1) ?? '').slice(17, 33);
  }

  /** The rows as of a TXID, by `entrypoint restore`. */
  async rowsAt(txid: string): Promise<readonly number[] | undefined> {
    const copy = join(this.folder, `at-${txid}.db`);
    const words = ['restore', '--config', this.config, '--txid', txid, '-o', copy, this.database];
    const restore = this.launch(join(checkout, 'entrypoint'), words);
    const { code } = await restore.ended;
    if (code !== 0) throw new Error(`the restore ended with ${code}:\n${restore.log()}`);
    return this.rowsIn(copy);
  }

  async rowsIn(database: string): Promise<readonly number[] | undefined> {
    const app = this.launch(node, [scriptedApp, 'list'], { DATABASE: database });
    await app.ended;
    return app.seen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const life of this.#lives) life.end();
    await Promise.all(this.#lives.map((life) => life.ended));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export function startLife(
  program: string,
  words: readonly string[],
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
): Life {
  const child = spawn(program, words, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...cleanEnvironment(), ...environment },
  });
  let log = '';
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  let end: End | undefined;
  const ended = new Promise<End>((resolve, reject) => {
    child.once('error', reject);
    // Not `exit`: the last lines are to be there. Whoever holds the pipes open longer is a leak, and seen as a hang.
    child.once('close', (code, signal) => {
      end = { code, signal };
      resolve(end);
    });
  });
  const childPid = () => Number(/command started.* pid=(\d+)/.exec(log)?.[1] ?? 0);
  const numbers = (text: string) => text.split(' ').filter(Boolean).map(Number);
  return {
    process: child,
    pid: child.pid ?? 0,
    ended,
    log: () => log,
    output: () => output,
    acknowledged: () => [...output.matchAll(/^row (\d+)$/gm)].map((match) => Number(match[1])),
    seen: () => {
      const line = [...output.matchAll(/^seen ?(.*)$/gm)].at(-1)?.[1];
      return line === undefined ? undefined : numbers(line);
    },
    waitFor: async (what, patience = PATIENCE) => {
      const giveUp = Date.now() + patience;
      while (!what.test(`${log}\n${output}`)) {
        const why = end !== undefined ? `the program ended (${end.code ?? end.signal})` : undefined;
        if (why !== undefined || Date.now() > giveUp) {
          throw new Error(`${why ?? 'waited in vain'}, and there was no ${what} in:\n${log}\n${output}`);
        }
        await pause(10);
      }
    },
    kill: (signal) => void child.kill(signal),
    childPid,
    end: () => {
      if (end !== undefined) return;
      child.kill('SIGKILL');
      // The child has a group of its own, and holds the pipes open.
      if (childPid() > 0) killGroup(childPid());
    },
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** The environment without what would configure the program or its S3 client behind the test's back. */
function cleanEnvironment(): Record<string, string | undefined> {
  const own = /^(AWS_|LITESTREAM_|STATION_|VITEST|NODE_OPTIONS$|KUBERNETES_|DATABASE$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
}
