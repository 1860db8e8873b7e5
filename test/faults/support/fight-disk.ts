import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { checkout, node, startLife } from '../../e2e/life.ts';
import { FightLife, type Impairment } from './fight-life.ts';
import type { FightRoute } from './fight-replica.ts';
import { type Rows, readSoundRows } from './rows.ts';

const writer = join(import.meta.dirname, '..', 'writers', 'numbered-rows.mjs');

export interface FightStart {
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly writer: Readonly<Record<string, unknown>>;
}

/** One instance's disk: on it, one life follows another. */
export class FightDisk {
  readonly name: string;
  readonly folder = mkdtempSync(join(tmpdir(), 'fight-disk-'));
  readonly database = join(this.folder, 'data', 'station.db');
  readonly route: FightRoute;
  /** All lives, and those whose rows are still to be found here. */
  readonly lives: FightLife[] = [];
  onDisk: FightLife[] = [];
  /** Taken up by a life, or by the look at what it left. */
  life: FightLife | undefined;
  readonly impairments: Impairment[] = [];

  constructor(name: string, route: FightRoute) {
    this.name = name;
    this.route = route;
    mkdirSync(dirname(this.database));
    const dbs = [{ path: this.database, replicas: [route.settings] }];
    writeFileSync(join(this.folder, 'litestream.yml'), stringify({ logging: { stderr: true }, dbs }));
  }

  start({ flags, environment, writer: options }: FightStart): FightLife {
    const name = `${this.name}.${this.lives.length + 1}`;
    const acks = join(this.folder, `acks-${this.lives.length + 1}`);
    const command = [node, writer, this.database, acks, JSON.stringify({ ...options, life: name })];
    const words = ['run', '--config', join(this.folder, 'litestream.yml'), '--log-level', 'debug', ...flags];
    const life = new FightLife(
      name,
      startLife(join(checkout, 'entrypoint'), [...words, '--', ...command], this.folder, environment),
      flags,
      acks,
      this.impairments,
    );
    this.life = life;
    this.lives.push(life);
    this.onDisk.push(life);
    return life;
  }

  /** SIGSTOP and SIGCONT to the supervisor alone, or to all that belongs to it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT', whom: 'supervisor' | 'all'): void {
    const { life } = this;
    if (life === undefined || life.isOver) return;
    life.life.kill(signal);
    const child = life.life.childPid();
    if (whom === 'all' && child > 0) signalIfThere(-child, signal);
  }

  /** The end of a container: nothing of it is left. */
  async killAll(): Promise<void> {
    this.life?.life.kill('SIGKILL');
    const giveUp = Date.now() + 20_000;
    for (let left = this.#processes(); left.length > 0; left = this.#processes()) {
      if (Date.now() > giveUp) throw new Error(`processes ${left.join(', ')} do not end`);
      for (const pid of left) signalIfThere(pid, 'SIGKILL');
      await sleep(10);
    }
  }

  wipe(): void {
    rmSync(dirname(this.database), { recursive: true, force: true });
    mkdirSync(dirname(this.database));
    this.onDisk = [];
  }

  /** The database as SQLite would find it now, read from a copy. */
  rows(database = this.database): Rows {
    const copy = mkdtempSync(join(this.folder, 'copy-'));
    for (const suffix of ['', '-wal']) {
      if (existsSync(database + suffix)) cpSync(database + suffix, join(copy, `copy.db${suffix}`));
    }
    const rows = readSoundRows(join(copy, 'copy.db'));
    rmSync(copy, { recursive: true, force: true });
    return rows;
  }

  /** Databases that were moved aside here. */
  databasesAside(): readonly string[] {
    const folder = dirname(this.database);
    return readdirSync(folder)
      .filter((name) => /\.set-aside-[^.]*Z$/.test(name) && name.startsWith(basename(this.database)))
      .map((name) => join(folder, name));
  }

  async remove(): Promise<void> {
    await this.killAll();
    await Promise.all(this.lives.map((life) => life.life.ended));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #processes(): readonly number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((name) => argumentsOf(name).includes(this.folder))
      .map(Number);
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

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
