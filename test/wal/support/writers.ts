import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..', 'writers');

/** A process that writes to a database. `result` is what it printed as JSON at its end. */
export interface Writer {
  readonly process: ChildProcess;
  /** Resolves when it has ended, however it did. */
  readonly ended: Promise<WriterResult>;
}

export interface WriterResult {
  readonly exit: number | NodeJS.Signals | null;
  readonly errors: string;
  /** Number of its last transaction; of the last one it told of, if it was killed. */
  readonly n: number;
  readonly busy: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** `blocked`: checkpoints that somebody kept from completing. */
  readonly checkpoints?: { readonly done: number; readonly blocked: number; readonly slowest: number };
}

function start(command: string, args: readonly string[]): Writer {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const ended = new Promise<WriterResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const lines = output.trim().split('\n');
      const last = lines.findLast((line) => line.startsWith('{') && line.endsWith('}')) ?? '{}';
      resolve({ exit: code ?? signal, errors, n: 0, busy: 0, p50: 0, p99: 0, p999: 0, ...JSON.parse(last) });
    });
  });
  return { process: child, ended };
}

export interface NodeWriterOptions {
  readonly id?: string;
  readonly milliseconds?: number;
  readonly transactions?: number;
  readonly burst?: number;
  readonly pause?: number;
  readonly timeout?: number;
  readonly payload?: number;
  readonly pragmas?: readonly string[];
  readonly journal?: 'wal' | 'keep';
  /** Random sizes, rollbacks, savepoints, deletes, spilled caches and checkpoints, from this seed. */
  readonly wild?: number;
  readonly sql?: readonly string[];
  /** A checkpoint of this kind after each transaction. */
  readonly checkpointEach?: string;
  /** Ends by SIGKILL instead of closing the database. */
  readonly noClose?: boolean;
  readonly report?: boolean;
}

export function nodeWriter(path: string, options: NodeWriterOptions = {}): Writer {
  return start(process.execPath, [join(folder, 'node-writer.mjs'), path, JSON.stringify(options)]);
}

export function pythonWriter(path: string, options: { id: string; milliseconds: number; timeout?: number }): Writer {
  return start('python3', [join(folder, 'python-writer.py'), path, JSON.stringify(options)]);
}

export function goWriter(
  path: string,
  options: { id: string; milliseconds: number; burst: number; pause: number },
): Writer {
  return start(goBinary(), [path, JSON.stringify(options)]);
}

/** Runs SQL in the sqlite3 shell, one process per call, as an operator's cron job would. */
export function shellWriter(path: string, sql: string): Writer {
  return start('sqlite3', ['-cmd', '.timeout 5000', path, sql]);
}

/** True if a program is there. In CI its absence is an error, elsewhere it is said aloud. */
export function available(program: 'python3' | 'sqlite3' | 'go'): boolean {
  try {
    execFileSync(program, program === 'go' ? ['version'] : ['--version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (process.env['CI'] === 'true') throw new Error(`CI needs ${program}`, { cause: error });
    console.warn(`${program} is not installed: its writer is left out`);
    return false;
  }
}

let built: string | undefined;

function goBinary(): string {
  if (built !== undefined && existsSync(built)) return built;
  built = join(mkdtempSync(join(tmpdir(), 'go-writer-')), 'go-writer');
  execFileSync('go', ['build', '-o', built, '.'], { cwd: join(folder, 'go-writer'), stdio: 'inherit' });
  return built;
}

/** The Go writer's binary takes half a minute to build the first time on a machine. */
export function buildGoWriter(): void {
  goBinary();
}
