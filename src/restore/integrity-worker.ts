import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { runCheck } from './run-check.ts';

/** The body of the worker thread of `checkIntegrity`: one check, one message. */
const { path, mode, priority } = workerData as {
  readonly path: string;
  readonly mode: 'quick' | 'full';
  readonly priority?: 'low';
};

/** On Linux a thread has a niceness of its own. Elsewhere it would be the whole process that gives way. */
function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), constants.priority.PRIORITY_LOW);
  } catch {
    // No /proc: the check runs all the same.
  }
}

if (priority === 'low') giveWay();
parentPort?.postMessage(runCheck(path, mode));
