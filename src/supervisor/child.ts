import { type ChildProcess, spawn } from 'node:child_process';
import { StationError } from '../errors.ts';
import type { Environment } from './environment.ts';
import type { ChildEnd } from './exit-status.ts';
import { findCommandFile } from './find-command.ts';
import { withOpenFileLimit } from './open-file-limit.ts';

export interface Child {
  /** Also the number of its process group and of its session. */
  readonly pid: number;
  /** Never rejects. What the child started may outlive it. */
  readonly ended: Promise<ChildEnd>;
}

/**
 * Starts the command in a session and process group of its own, on our stdin, stdout and stderr.
 *
 * A session of its own has no controlling terminal: Ctrl-C reaches only the supervisor, which forwards it once, and
 * the child may read and write the terminal without being stopped by SIGTTIN or SIGTTOU. What is lost is job control
 * inside an interactive shell run as the child.
 *
 * `openFiles`: its soft limit of open files, where that is not our own.
 *
 * Throws COMMAND_NOT_FOUND or COMMAND_NOT_EXECUTABLE.
 */
export async function startChild(
  command: readonly string[],
  environment: Environment,
  openFiles?: number,
): Promise<Child> {
  const [file = '', ...commandArguments] = command;
  if (file === '') throw new StationError('COMMAND_NOT_FOUND', 'the command is an empty string');
  const process = spawnChild(withOpenFileLimit([file, ...commandArguments], environment, openFiles), environment);
  const ended = new Promise<ChildEnd>((resolve) => {
    process.once('exit', (code, signal) => {
      resolve(signal === null ? { kind: 'exited', code: code ?? 0 } : { kind: 'signalled', signal });
    });
  });
  await new Promise<void>((resolve, reject) => {
    process.once('spawn', resolve);
    process.once('error', (cause) => reject(startError(file, environment, cause)));
  });
  if (process.pid === undefined) throw new StationError('INTERNAL', `${file} was started but has no process id`);
  return { pid: process.pid, ended };
}

function spawnChild(
  [file, ...commandArguments]: readonly [string, ...string[]],
  environment: Environment,
): ChildProcess {
  try {
    return spawn(file, commandArguments, { detached: true, stdio: 'inherit', env: environment });
  } catch (cause) {
    // A few errors (EACCES on some systems, a NUL byte in an argument) are thrown, not emitted.
    throw startError(file, environment, cause);
  }
}

/**
 * 127 when there is no such file, 126 when there is one that cannot be executed; ENOENT alone does not tell them
 * apart, because it is also the answer for a script whose interpreter is missing.
 */
function startError(file: string, environment: Environment, cause: unknown): StationError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const found = findCommandFile(file, environment);
  if (found === undefined && (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES')) {
    return new StationError('COMMAND_NOT_FOUND', `${file}: command not found`, { cause });
  }
  const reason = code === 'ENOENT' ? 'its interpreter or loader does not exist' : code || String(cause);
  return new StationError('COMMAND_NOT_EXECUTABLE', `${found ?? file}: cannot be executed (${reason})`, { cause });
}
