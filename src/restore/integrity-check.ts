import { stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { StationError } from '../errors.ts';
import { type IntegrityReport, runCheck } from './run-check.ts';

export type IntegrityFinding =
  /** Sound. `remarks`: rows that break a rule of their own schema, as they did in the original. */
  | { readonly kind: 'sound'; readonly remarks: readonly string[] }
  | { readonly kind: 'unsound'; readonly lines: readonly string[] }
  /** SQLite could not run the check: a virtual table or a collation it does not know, for one. */
  | { readonly kind: 'inconclusive'; readonly reason: string };

/** Checked in milliseconds: a thread would take far longer to start, and where 200 of them are restored it counts. */
const AT_ONCE = 1024 * 1024;

/** Complaints about content, not about the file: the original has the same rows, and a copy of it is what is wanted. */
const ABOUT_CONTENT = /^(?:(?:NULL|TEXT|NUMERIC|non-\w+) value in |CHECK constraint failed in )/;

/** Decides what SQLite's answer means. */
export function judgeIntegrity(report: IntegrityReport): IntegrityFinding {
  if (report.kind === 'error') {
    const isDamage = report.code.startsWith('SQLITE_CORRUPT') || report.code.startsWith('SQLITE_NOTADB');
    if (isDamage) return { kind: 'unsound', lines: [`${report.code}: ${report.message}`] };
    return { kind: 'inconclusive', reason: `${report.code}: ${report.message}` };
  }
  const complaints = report.lines.flatMap((line) => line.split('\n')).filter((line) => line !== 'ok');
  if (complaints.some((line) => !ABOUT_CONTENT.test(line))) return { kind: 'unsound', lines: complaints };
  return { kind: 'sound', remarks: complaints };
}

/**
 * SQLite's own check of a database file, in a worker thread (unless the file is small), so that signals and health requests are answered
 * meanwhile. It reads through a connection of its own, opened read-only: safe on a live database, whose WAL cannot
 * start over until the check ends. Beside a file nobody else has open it may leave `-wal` and `-shm`.
 * @throws StationError INTERNAL if the worker dies; the signal's reason on abort, while the worker ends by itself
 */
export async function checkIntegrity(
  path: string,
  mode: 'quick' | 'full',
  signal: AbortSignal,
  priority?: 'low',
): Promise<IntegrityFinding> {
  signal.throwIfAborted();
  const { size } = await stat(path);
  signal.throwIfAborted();
  if (size <= AT_ONCE) return judgeIntegrity(runCheck(path, mode));
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./integrity-worker.${extension}`, import.meta.url), {
    workerData: { path, mode, priority },
    // It holds an answer of twenty lines; without a limit its heap grows with nobody looking.
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 },
  });
  const { promise, resolve, reject } = Promise.withResolvers<IntegrityReport>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  worker.once('message', resolve);
  worker.once('error', (cause) => reject(new StationError('INTERNAL', 'the integrity check died', { cause })));
  worker.once('exit', () => reject(new StationError('INTERNAL', 'the integrity check ended without an answer')));
  try {
    return judgeIntegrity(await promise);
  } finally {
    signal.removeEventListener('abort', abort);
    worker.unref();
    void worker.terminate();
  }
}
