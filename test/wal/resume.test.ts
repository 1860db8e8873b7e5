import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Replica } from './support/replica.ts';
import { Workbench } from './support/workbench.ts';
import { nodeWriter } from './support/writers.ts';

interface Line {
  readonly why?: string;
  readonly pages?: number;
  readonly commit?: number;
  readonly transactions?: number;
  readonly gaps?: readonly string[];
  readonly last?: number;
  readonly ended?: boolean;
}

/** A follower that can be killed. */
class FollowerProcess {
  readonly process: ChildProcess;
  readonly ended: Promise<void>;
  #output = '';
  #errors = '';

  constructor(path: string, folder: string, remember: 'position' | 'checksums') {
    const script = join(import.meta.dirname, 'follower-process.ts');
    this.process = spawn(process.execPath, [script, path, folder, remember]);
    this.process.stdout?.on('data', (data) => {
      this.#output += data;
    });
    this.process.stderr?.on('data', (data) => {
      this.#errors += data;
    });
    this.ended = new Promise((resolve) => this.process.once('close', () => resolve()));
  }

  get lines(): readonly Line[] {
    if (this.#errors !== '') throw new Error(this.#errors);
    const whole = this.#output.slice(0, this.#output.lastIndexOf('\n') + 1);
    return whole.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]));
  }

  get changeSets(): readonly Line[] {
    return this.lines.filter(({ why }) => why !== undefined);
  }

  async until(condition: (lines: readonly Line[]) => boolean): Promise<void> {
    for (let waited = 0; waited < 20_000; waited += 10) {
      if (condition(this.lines)) return;
      await sleep(10);
    }
    throw new Error(`waited in vain: ${this.#output}`);
  }

  async end(): Promise<void> {
    this.process.stdin?.end();
    await this.ended;
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}

describe('a follower that comes back', () => {
  let bench: Workbench;
  let state: string;
  beforeEach(() => {
    bench = new Workbench();
    state = join(bench.folder, 'state');
    mkdirSync(state);
  });
  afterEach(() => bench.dispose());

  const start = (remember: 'position' | 'checksums' = 'position') => new FollowerProcess(bench.path, state, remember);

  /** The replica that the processes have made together. */
  function difference(): string | undefined {
    const replica = new Replica(join(state, 'replica'), 'existing');
    try {
      return replica.differenceFrom(bench.path, 4096);
    } finally {
      replica.close();
    }
  }

  it('goes on by the WAL, or by comparing, wherever it was killed under a live writer', async () => {
    const writer = nodeWriter(bench.path, { burst: 10, pause: 10, milliseconds: 9_000, timeout: 1_000 });
    const reasons = new Set<string | undefined>();
    const gaps: string[] = [];
    let writing = true;
    const ended = writer.ended.finally(() => {
      writing = false;
    });
    for (let round = 0; round < 8 && writing; round += 1) {
      const follower = start();
      await follower.until((lines) => lines.length > 1 || (lines.length === 1 && !writing));
      await sleep(200 + 37 * round);
      await follower.kill();
      const [first] = follower.changeSets;
      reasons.add(first?.why);
      if (round > 0 && first?.why === 'commits') gaps.push(...(follower.changeSets.at(-1)?.gaps ?? []));
    }
    const { n } = await ended;
    const last = start();
    await last.until((lines) => lines.length > 0);
    await last.end();
    expect(reasons.has('first')).toBe(true);
    expect(gaps).toEqual([]);
    expect(difference()).toBeUndefined();
    expect(n).toBeGreaterThan(100);
  });

  it('goes on by the WAL if only the follower was gone and the WAL has not restarted', async () => {
    const keeper = nodeWriter(bench.path, {
      burst: 1,
      transactions: 5,
      milliseconds: 20_000,
      sql: ['PRAGMA wal_autocheckpoint = 0'],
    });
    await keeper.ended;
    const before = start();
    await before.until((lines) => lines.length > 1);
    const writer = nodeWriter(bench.path, {
      burst: 1,
      pause: 4,
      milliseconds: 1_500,
      sql: ['PRAGMA wal_autocheckpoint = 0'],
    });
    await before.until((lines) => lines.length > 5);
    await before.kill();
    await sleep(100);
    const after = start();
    const { n } = await writer.ended;
    await after.until((lines) => lines.some(({ last }) => last === n));
    await after.end();
    expect(after.changeSets.map(({ why }) => why)).not.toContain('first');
    expect(after.changeSets.at(-1)?.gaps).toEqual([]);
    expect(difference()).toBeUndefined();
  });

  it('after downtime sends only the pages that differ', async () => {
    await nodeWriter(bench.path, { burst: 1, transactions: 200, pause: 0, payload: 4000 }).ended;
    const before = start();
    await before.until((lines) => lines.length > 1);
    await before.end();
    await nodeWriter(bench.path, { burst: 1, transactions: 203, pause: 0, payload: 4000 }).ended;
    const after = start();
    await after.until((lines) => lines.length > 1);
    await after.end();
    expect(after.changeSets).toHaveLength(1);
    const [sent] = after.changeSets;
    expect(sent?.why).toBe('downtime');
    expect(sent?.pages).toBeLessThan(20);
    expect(sent?.commit).toBeGreaterThan(200);
    expect(difference()).toBeUndefined();
  });

  it('after downtime in which nothing happened sends nothing', async () => {
    await nodeWriter(bench.path, { burst: 1, transactions: 20, pause: 0, noClose: true }).ended;
    const before = start();
    await before.until((lines) => lines.length > 1);
    await before.end();
    const after = start('checksums');
    await after.until((lines) => lines.length === 1);
    await sleep(200);
    await after.end();
    expect(after.changeSets).toEqual([]);
    expect(difference()).toBeUndefined();
  });

  it('after a database shrank while nobody looked', async () => {
    await nodeWriter(bench.path, { burst: 1, transactions: 200, pause: 0, payload: 4000 }).ended;
    const before = start();
    await before.until((lines) => lines.length > 1);
    await before.end();
    await nodeWriter(bench.path, { transactions: 0, sql: ['DELETE FROM history', 'VACUUM'] }).ended;
    const after = start();
    await after.until((lines) => lines.length > 1);
    await after.end();
    expect(after.changeSets[0]).toMatchObject({ why: 'downtime' });
    expect(difference()).toBeUndefined();
  });
});
