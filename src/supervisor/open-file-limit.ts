import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import type { Environment } from './environment.ts';
import { findCommandFile } from './find-command.ts';

const SHELL = '/bin/sh';
const ENV = '/usr/bin/env';
/** What shells put into the environment of what they start. */
const shellsOwn = ['PWD', 'OLDPWD', 'SHLVL', '_'];

/**
 * The command line that lowers the soft limit of open files to what it was before Node raised it, then becomes the command.
 * A program that closes every descriptor up to its limit, or calls select(), would notice.
 *
 * Where it is not certain that the file can be executed the command stays as it is, so that its error is the kernel's.
 */
export function withOpenFileLimit(
  command: readonly [string, ...string[]],
  environment: Environment,
  limit: number | undefined,
): readonly [string, ...string[]] {
  if (limit === undefined) return command;
  const file = findCommandFile(command[0], environment);
  if (file === undefined || ![file, SHELL, ENV].every(isExecutable)) return command;
  // env would take the one for a variable, and the other for an option.
  if (command[0].includes('=') || Object.keys(environment).some((name) => name.startsWith('-'))) return command;
  const added = shellsOwn.filter((name) => environment[name] === undefined).flatMap((name) => ['-u', name]);
  const dropped = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined || /^[A-Za-z_]\w*$/.test(name) ? [] : [`${name}=${value}`],
  );
  return [SHELL, '-c', 'ulimit -S -n "$0" && exec "$@"', String(limit), ENV, ...added, ...dropped, ...command];
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile() && hasInterpreter(file);
  } catch {
    return false;
  }
}

/** False for a script whose interpreter is not there: the kernel would refuse it. */
function hasInterpreter(file: string): boolean {
  const descriptor = openSync(file, 'r');
  try {
    const start = Buffer.alloc(256);
    const text = start.toString('latin1', 0, readSync(descriptor, start));
    const [, interpreter] = /^#![ \t]*([^\s\0]+)/.exec(text) ?? [];
    if (interpreter !== undefined) accessSync(interpreter, constants.X_OK);
    return true;
  } finally {
    closeSync(descriptor);
  }
}
