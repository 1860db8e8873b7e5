/** A verb as a person or a script calls it: a real process, its output and its exit status. */
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const entrypoint = join(import.meta.dirname, '..', '..', 'entrypoint');

export async function runVerb(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = spawn(entrypoint, words, {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'], HOME: tmpdir(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [output, errors, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { output, errors, status };
}
