/**
 * A supervisor in a process of its own, with a fake replication that notes what is asked of it.
 * Run as a program it supervises; imported it gives tests `startSupervisor`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, StationError } from '../../src/errors.ts';
import { createLog } from '../../src/observe/create-log.ts';
import { bytes, milliseconds, txid } from '../../src/quantities.ts';
import { planStopBudget } from '../../src/supervisor/budget.ts';
import { detectPlatform } from '../../src/supervisor/platform.ts';
import { parseReadyUrl, type ReadyCheck } from '../../src/supervisor/ready-check.ts';
import type { HandoverRequest, Replication } from '../../src/supervisor/replication-port.ts';
import { parseRestartPolicy } from '../../src/supervisor/restart-policy.ts';
import { parseSignalMap } from '../../src/supervisor/signal-map.ts';
import { supervise } from '../../src/supervisor/supervise.ts';

export interface FakeReplication {
  readonly stopTimeout?: number;
  /** Milliseconds that prepare takes; `forever` ends only by the abort, `deaf` not even by it. */
  readonly prepare?: number | 'forever' | 'deaf';
  readonly prepareError?: ErrorCode;
  readonly drain?: 'complete' | 'incomplete' | 'hang' | 'throw' | number;
  readonly failure?: { readonly code: ErrorCode; readonly after: number };
  readonly uncaughtAfter?: number;
  readonly close?: 'hang' | 'throw';
  /** Another instance asks for the lease, so long after `prepare` has begun. */
  readonly handoverAfter?: number;
  readonly signalMap?: string;
  readonly restart?: string;
  readonly readyUrl?: string;
  readonly readyCommand?: string;
  readonly startupTimeout?: number;
}

/** A supervisor under test, in a temporary folder that is its working directory. */
export interface SupervisorUnderTest {
  readonly process: ChildProcess;
  readonly folder: string;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** What was asked of replication, in order; `drain` carries what the file `rows` held just then. */
  events(): readonly string[];
  /** What the observer was told: `phase readiness`. */
  life(): readonly string[];
  log(): string;
  read(file: string): string;
  waitFor(condition: () => boolean): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `within`: what starts the supervisor, such as an init in a namespace of its own. */
export function startSupervisor(
  command: readonly string[],
  fake: FakeReplication = {},
  within: readonly string[] = [],
): SupervisorUnderTest {
  const folder = mkdtempSync(join(tmpdir(), 'supervisor-'));
  const words = [...within, process.execPath, import.meta.filename, JSON.stringify(fake), ...command];
  const [program = '', ...programArguments] = words;
  const supervisor = spawn(program, programArguments, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let log = '';
  supervisor.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const logEnded = new Promise((resolve) => supervisor.stderr?.once('end', resolve));
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    // What escapes the supervisor may hold stderr open; its own last lines arrive at once.
    supervisor.once('exit', (code, signal) => {
      void Promise.race([logEnded, sleep(1000)]).then(() => resolve({ code, signal }));
    });
  });
  const read = (file: string) => (existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8') : '');
  return {
    process: supervisor,
    folder,
    ended,
    events: () => read('events').split('\n').slice(0, -1),
    life: () => read('life').split('\n').slice(0, -1),
    log: () => log,
    read,
    async waitFor(condition) {
      const giveUp = Date.now() + 20_000;
      while (!condition()) {
        if (Date.now() > giveUp) throw new Error(`waited in vain for ${condition}; the log so far:\n${log}`);
        await sleep(10);
      }
    },
    async [Symbol.asyncDispose]() {
      supervisor.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function createFake(fake: FakeReplication): Replication {
  const note = (text: string) => appendFileSync('events', `${text}\n`);
  const failed = Promise.withResolvers<StationError>();
  const handover = Promise.withResolvers<HandoverRequest>();
  const { failure, uncaughtAfter } = fake;
  return {
    failed: failed.promise,
    handover: handover.promise,
    async prepare(signal) {
      note('prepare');
      if (fake.handoverAfter !== undefined) {
        const request = { database: '/data/station.db', by: 'revision-2' };
        setTimeout(() => handover.resolve(request), fake.handoverAfter);
      }
      signal.addEventListener('abort', () => note('abort'));
      if (fake.prepare === 'deaf') await new Promise<never>(() => {});
      await sleep(typeof fake.prepare === 'string' ? 60_000 : fake.prepare, undefined, { signal });
      if (fake.prepareError !== undefined) throw new StationError(fake.prepareError, 'the restore failed');
      if (failure !== undefined) {
        setTimeout(() => failed.resolve(new StationError(failure.code, 'replication failed')), failure.after);
      }
      if (uncaughtAfter !== undefined) {
        setTimeout(() => {
          throw new TypeError('a bug');
        }, uncaughtAfter);
      }
    },
    syncSoon: () => note('sync-soon'),
    async drain() {
      note(`drain ${existsSync('rows') ? readFileSync('rows', 'utf8').trim().replaceAll('\n', ',') : ''}`.trim());
      if (fake.drain === 'hang') await new Promise<never>(() => {});
      if (fake.drain === 'throw') throw new Error('the drain broke');
      if (typeof fake.drain === 'number') await sleep(fake.drain);
      note('drained');
      const complete = fake.drain !== 'incomplete';
      const since = milliseconds(Date.now() - 4000);
      const missing = complete
        ? { files: 0, txids: undefined, bytes: bytes(0), since: undefined }
        : { files: 3, txids: { first: txid(30), last: txid(32) }, bytes: bytes(4096), since };
      const reason = complete ? undefined : 'connect ECONNREFUSED';
      return { complete, replicas: [{ database: '/data/station.db', replica: 's3', complete, missing, reason }] };
    },
    async close() {
      note('close');
      if (fake.close === 'hang') await new Promise<never>(() => {});
      if (fake.close === 'throw') throw new Error('the close broke');
    },
  };
}

function readyCheckOf({ readyUrl, readyCommand }: FakeReplication): ReadyCheck | undefined {
  if (readyUrl !== undefined) return parseReadyUrl(readyUrl);
  return readyCommand === undefined ? undefined : { kind: 'command', command: readyCommand };
}

if (import.meta.main) {
  const [fakeText = '{}', ...command] = process.argv.slice(2);
  const fake: FakeReplication = JSON.parse(fakeText);
  const log = createLog({ format: 'logfmt', level: 'DEBUG' });
  const stopTimeout = fake.stopTimeout === undefined ? undefined : milliseconds(fake.stopTimeout);
  const status = await supervise({
    command,
    environment: process.env,
    budget: planStopBudget(detectPlatform({}), stopTimeout),
    signalMap: parseSignalMap(fake.signalMap ?? ''),
    restart: parseRestartPolicy(fake.restart ?? 'never'),
    readyCheck: readyCheckOf(fake),
    startupTimeout: fake.startupTimeout === undefined ? undefined : milliseconds(fake.startupTimeout),
    replication: createFake(fake),
    onLife: ({ phase, readiness, startup }) => {
      const words = [phase, readiness.kind === 'ready' ? 'ready' : `not ready: ${readiness.reason}`];
      appendFileSync('life', `${[...words, startup.kind === 'ready' ? 'started' : 'not started'].join(', ')}\n`);
    },
    log,
  });
  process.exit(status);
}
