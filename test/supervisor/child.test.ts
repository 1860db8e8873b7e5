import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChild } from '../../src/supervisor/child.ts';
import { parseProcessStat } from '../../src/supervisor/proc-stat.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'child-'));
  write('plain.txt', 'not a program', 0o644);
  write('no-interpreter', '#!/no/such/interpreter\n', 0o755);
  write('script', '#!/bin/sh\nexit 9\n', 0o755);
  mkdirSync(join(folder, 'folder'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string, mode: number): void {
  writeFileSync(join(folder, name), text);
  chmodSync(join(folder, name), mode);
}

describe('a command that cannot be started', () => {
  const environment = () => ({ ...process.env, PATH: `${folder}:${process.env['PATH']}` });

  test.each([
    ['a name that is not on PATH', () => 'no-such-command', 'COMMAND_NOT_FOUND'],
    ['an absolute path where nothing is', () => join(folder, 'nothing'), 'COMMAND_NOT_FOUND'],
    ['a relative path where nothing is', () => './no/such/file', 'COMMAND_NOT_FOUND'],
    ['a path through a file', () => join(folder, 'plain.txt/x'), 'COMMAND_NOT_FOUND'],
    ['an empty string', () => '', 'COMMAND_NOT_FOUND'],
    ['a folder', () => folder, 'COMMAND_NOT_EXECUTABLE'],
    ['a folder on PATH', () => 'folder', 'COMMAND_NOT_EXECUTABLE'],
    ['a file without execute permission', () => join(folder, 'plain.txt'), 'COMMAND_NOT_EXECUTABLE'],
    ['one on PATH', () => 'plain.txt', 'COMMAND_NOT_EXECUTABLE'],
    ['a script whose interpreter does not exist', () => join(folder, 'no-interpreter'), 'COMMAND_NOT_EXECUTABLE'],
  ])('%s', async (_, command, code) => {
    await expect(startChild([command()], environment())).rejects.toMatchObject({ code });
  });

  test('with arguments longer than the system takes', async () => {
    await expect(startChild(['true', 'x'.repeat(4_000_000)], process.env)).rejects.toMatchObject({
      code: 'COMMAND_NOT_EXECUTABLE',
    });
  });
});

describe('a child', () => {
  test('is found on the PATH of its own environment', async () => {
    const child = await startChild(['script'], { PATH: `${folder}:/bin:/usr/bin` });
    expect(await child.ended).toEqual({ kind: 'exited', code: 9 });
  });

  test('tells the signal it was ended by', async () => {
    const child = await startChild(['/bin/sh', '-c', 'kill -USR1 $$'], process.env);
    expect(await child.ended).toEqual({ kind: 'signalled', signal: 'SIGUSR1' });
  });

  test('leads a session and a process group of its own', async () => {
    const child = await startChild(['sleep', '60'], process.env);
    const stat = parseProcessStat(readFileSync(`/proc/${child.pid}/stat`, 'utf8'));
    process.kill(child.pid);
    expect(stat).toMatchObject({ pid: child.pid, group: child.pid, session: child.pid, parent: process.pid });
    expect(await child.ended).toEqual({ kind: 'signalled', signal: 'SIGTERM' });
  });
});
