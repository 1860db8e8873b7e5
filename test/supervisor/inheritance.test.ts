/** What a command sees under the supervisor is what it would see without it. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const entrypoint = join(import.meta.dirname, '../../entrypoint');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'inheritance-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Limits that are neither Node's nor usual, and variables that a shell cannot have. */
const conditions = 'ulimit -c 0; ulimit -S -s 4096; ulimit -S -n 512; umask 027; exec "$@"';
const variables = ['A=1', 'EMPTY=', 'log.level=debug', 'x-y=two\nlines', 'text=ä "quoted" $x'];

const look = `
  umask; ulimit -S -a; ulimit -H -a; nice; pwd; cat
  grep -E '^(Sig(Blk|Ign|Cgt)|Cap|NoNewPrivs|Seccomp|Uid|Gid|Groups|Cpus_allowed|Mems_allowed)' /proc/self/status
  for file in oom_score_adj timerslack_ns personality coredump_filter; do cat /proc/self/$file; done
  ls /proc/self/fd
  tr '\\0' '\\n' </proc/$$/environ | sort`;

interface Seen {
  readonly text: string;
  readonly errors: string;
  readonly status: number | null;
}

function run(shell: string, words: readonly string[]): Promise<Seen> {
  const env = ['/usr/bin/env', '-i', `PATH=${process.env['PATH']}`, `HOME=${folder}`, ...variables];
  const child = spawn('/bin/sh', ['-c', shell, 'sh', 'nice', '-n', '3', ...env, ...words], { cwd: folder });
  let text = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (more) => (text += more));
  child.stderr.setEncoding('utf8').on('data', (more) => (errors += more));
  child.stdin.end('what came on stdin\n');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ text, errors, status }));
  });
}

describe('a command under the supervisor', () => {
  test('has its umask, limits, niceness, signals, folder, streams, descriptors and environment', async () => {
    const direct = await run(conditions, ['/bin/sh', '-c', look]);
    const supervised = await run(conditions, [entrypoint, '--log-level=error', '--', '/bin/sh', '-c', look]);
    expect(direct.text).toMatch(/^0027\n[\s\S]*nofiles\s+512\n[\s\S]*what came on stdin\n[\s\S]*log\.level=debug\n/);
    expect(supervised).toEqual(direct);
  });

  test('starts with no signal ignored, as no container starts it otherwise', async () => {
    const ignoring = `trap '' HUP PIPE USR1; ${conditions}`;
    const ignored = ['/bin/sh', '-c', 'grep SigIgn /proc/self/status'];
    const supervised = await run(ignoring, [entrypoint, '--log-level=error', '--', ...ignored]);
    expect(supervised.text).toBe('SigIgn:\t0000000000000000\n');
  });

  const scripts = {
    'not-executable': ['#!/bin/sh\n', 0o644],
    'no-interpreter': ['#!/no/such/interpreter\n', 0o755],
    'no-first-line': ['exit 0\n', 0o755],
    works: ['#! /bin/sh\nexit 3\n', 0o755],
  } as const;

  test.each([
    ['no-such-command', 127],
    ['./no-such-command', 127],
    ['./not-executable', 126],
    ['./no-interpreter', 126],
    ['./no-first-line', 0],
    ['.', 126],
    ['./works', 3],
  ])('%s → %i, whether its limits must be restored or not', async (command, status) => {
    for (const [name, [content, mode]] of Object.entries(scripts)) {
      writeFileSync(join(folder, name), content);
      chmodSync(join(folder, name), mode);
    }
    const supervise = [entrypoint, '--log-level=error', '--', command];
    const [plain, limited] = await Promise.all([run('exec "$@"', supervise), run(conditions, supervise)]);
    expect(plain.status, plain.errors).toBe(status);
    expect(limited.status, limited.errors).toBe(status);
  });
});
