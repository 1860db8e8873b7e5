import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Environment } from './environment.ts';

/** The file a command name stands for, executable or not: the path itself, or the first of that name on PATH. */
export function findCommandFile(command: string, environment: Environment): string | undefined {
  if (command.includes('/')) return existsSync(command) ? command : undefined;
  const folders = (environment['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder === '' ? '.' : folder, command)).find((file) => existsSync(file));
}
