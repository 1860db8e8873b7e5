import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const program = join(import.meta.dirname, 'supervisor-process.ts');
const python = join(import.meta.dirname, 'terminal.py');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'terminal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Supervises a Node script on a terminal, on which `typed` is typed when the script says "ready". */
async function onTerminal(
  script: string,
  typed: string,
  within: readonly string[] = [],
): Promise<{ status: number; output: string }> {
  const command = [...within, process.execPath, program, '{}', process.execPath, '-e', script];
  const { stdout } = await promisify(execFile)('python3', [python, typed, ...command], {
    cwd: folder,
    timeout: 30_000,
  });
  return JSON.parse(stdout);
}

describe('on a terminal', () => {
  test('Ctrl-C reaches the child once, and the drain runs', async () => {
    const script = `process.on('SIGINT', () => {
        fs.appendFileSync('rows', 'SIGINT\\n');
        setTimeout(() => process.exit(5), 300);
      });
      setInterval(() => {}, 1000); console.log('ready');`;
    const { status, output } = await onTerminal(script, '\\x03');
    expect(output).toContain('signal received');
    expect(readFileSync(join(folder, 'rows'), 'utf8')).toBe('SIGINT\n');
    expect(readFileSync(join(folder, 'events'), 'utf8')).toContain('drain SIGINT\ndrained\n');
    expect(status).toBe(5);
  });

  test('Ctrl-Z suspends neither the supervisor nor the child: what is committed is replicated', async () => {
    const script = `process.on('SIGINT', () => process.exit(5));
      setInterval(() => {}, 1000); console.log('ready');`;
    // A job of a shell: what leads the terminal's session cannot be suspended anyway.
    const job = ['bash', '-c', 'set -m; "$@"; exit $?', 'bash'];
    const { status } = await onTerminal(script, '\\x1a\\x03', job);
    expect(status).toBe(5);
    expect(readFileSync(join(folder, 'events'), 'utf8')).toContain('drained\n');
  });

  test('the child reads and writes it without being stopped', async () => {
    const script = `process.stdin.once('data', (text) => { console.log('read: ' + text); process.exit(6); });
      console.log('ready');`;
    const { status, output } = await onTerminal(script, 'hello\\n');
    expect(output).toContain('read: hello');
    expect(status).toBe(6);
  });
});
