import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const entrypoint = join(root, 'entrypoint');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'launcher-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a file in a folder that is not ours, with nothing configured. */
async function call(file: string, words: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const env = { PATH: process.env['PATH'], HOME: folder, STATION_LOG_LEVEL: 'error', ...environment };
  const running = execFile(file, words, { cwd: folder, env });
  let stdout = '';
  let stderr = '';
  running.stdout?.on('data', (text) => (stdout += text));
  running.stderr?.on('data', (text) => (stderr += text));
  const [status] = await once(running, 'close');
  return { status, stdout, stderr };
}

describe('the launcher', () => {
  test('works from another folder, through relative and absolute links one after the other', async () => {
    const bin = join(folder, 'a folder', 'bin');
    mkdirSync(bin, { recursive: true });
    symlinkSync(entrypoint, join(folder, 'absolute link'));
    symlinkSync('../../absolute link', join(bin, 'station'));
    expect(await call(join(bin, 'station'), ['version'])).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^station-entrypoint \d+\.\d+\.\d+ \(Node\.js v2[4-9]/),
      stderr: '',
    });
    const onPath = await call('station', ['version'], { PATH: `${bin}:${process.env['PATH']}` });
    expect(onPath.status).toBe(0);
    const byShell = await call('/bin/sh', [entrypoint, 'version']);
    expect(byShell.status).toBe(0);
  });

  test('answers as litestream under that name', async () => {
    const link = join(folder, 'litestream');
    symlinkSync(entrypoint, link);
    expect(await call(link, ['help'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Usage: litestream VERB'),
    });
    expect(await call(link, ['true'])).toEqual({
      status: 64,
      stdout: '',
      stderr: 'error: unknown command "true"\nhint: run "litestream help" for the commands\n',
    });
  });

  test('hands words on as they are', async () => {
    const words = ['a b', '', '*', '$HOME', '"', '--help'];
    const print = ['node', '-e', 'console.log(JSON.stringify(process.argv.slice(1)))', '--', ...words];
    expect(JSON.parse((await call(entrypoint, ['run', '--', ...print])).stdout)).toEqual(words);
  });

  test('leaves no shell behind: the child’s parent is Node, whose parent is the caller', async () => {
    const script = 'read -r line < /proc/$PPID/stat; set -- $line; echo $4';
    expect((await call(entrypoint, ['--', '/bin/sh', '-c', script])).stdout.trim()).toBe(String(process.pid));
  });

  test('adds nothing to the child’s environment', async () => {
    const { stdout } = await call('/usr/bin/env', [
      '-i',
      `PATH=${process.env['PATH']}`,
      'A=1',
      entrypoint,
      '--',
      'env',
    ]);
    const names = stdout.split('\n').flatMap((line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? []);
    // PWD and OLDPWD are the shell's.
    expect(names.filter((name) => !['PATH', 'A', 'PWD', 'OLDPWD'].includes(name))).toEqual([]);
  });
});

describe('the Node it runs on', () => {
  /** A checkout where nothing is installed. */
  const bare = () => join(folder, 'bare');
  beforeAll(() => {
    mkdirSync(bare());
    for (const name of ['entrypoint', 'src', 'package.json'])
      cpSync(join(root, name), join(bare(), name), { recursive: true });
  });

  /** A `node` on PATH that says it is of this version: the real one, told so before anything else runs. */
  function fakeNode(version: string): string {
    const bin = join(folder, `node-${version}`);
    mkdirSync(bin, { recursive: true });
    const preload = join(bin, 'version.cjs');
    writeFileSync(
      preload,
      `Object.defineProperty(process, 'version', { value: 'v${version}' });
       Object.defineProperty(process.versions, 'node', { value: '${version}' });`,
    );
    writeFileSync(join(bin, 'node'), `#!/bin/sh\nexec "${process.execPath}" --require "${preload}" "$@"\n`, {
      mode: 0o755,
    });
    return bin;
  }

  test.each(['18.20.4', '20.20.2', '22.12.0'])('may not be %s, which is said in one line', async (version) => {
    const outcome = await call(join(bare(), 'entrypoint'), ['version'], { PATH: `${fakeNode(version)}:/usr/bin:/bin` });
    expect(outcome.status).toBe(78);
    expect(outcome.stdout).toBe('');
    expect(outcome.stderr).toMatch(new RegExp(`^error: Node.js 24 or newer is needed, this is v${version} .*\\n$`));
  });

  test('may not be the old one of this machine, if it has one', async () => {
    const path = (process.env['PATH'] ?? '').split(':').filter((entry) => !entry.includes('node_modules'));
    const outcome = await call(join(bare(), 'entrypoint'), ['version'], { PATH: path.join(':') });
    // On a machine with a Node 24 of its own it works; with an older one it says so.
    if (outcome.status === 0) expect(outcome.stdout).toMatch(/Node\.js v2[4-9]/);
    else {
      expect(outcome.status).toBe(78);
      expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    }
  });

  test('may not be missing', async () => {
    const tools = join(folder, 'tools');
    mkdirSync(tools);
    const outcome = await call('/bin/sh', [join(bare(), 'entrypoint'), 'version'], { PATH: tools });
    expect(outcome).toEqual({
      status: 78,
      stdout: '',
      stderr: expect.stringMatching(/^error: Node\.js 24 or newer is needed, and there is no node on PATH.*\n$/),
    });
  });

  test('is the one on PATH where node_modules has none', async () => {
    const outcome = await call(join(bare(), 'entrypoint'), ['version'], {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    });
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
  });

  test('without the dependencies says how to get them', async () => {
    const path = `${dirname(process.execPath)}:/usr/bin:/bin`;
    expect(await call(join(bare(), 'entrypoint'), ['--', 'true'], { PATH: path })).toEqual({
      status: 78,
      stdout: '',
      stderr: expect.stringMatching(/^error: Cannot find package .*; run npm ci in .*bare\n$/),
    });
  });
});

describe('a wrong command line', () => {
  test.each([
    [['--nope', 'true'], 64, "error: unknown option '--nope'"],
    [['--stop-timeout', 'soon', 'true'], 64, 'error: --stop-timeout: "soon" is not a duration'],
    [['restore'], 64, 'error: restore takes one database path or replica URL'],
    [['no-such-verb-or-command'], 127, 'no-such-verb-or-command: command not found'],
    [[], 64, 'error: no command to supervise\nhint: give one'],
  ])('%j → %i', async (words, status, text) => {
    const outcome = await call(entrypoint, words);
    expect(outcome.status).toBe(status);
    expect(outcome.stderr + outcome.stdout).toContain(text);
  });

  test('help goes to stdout, and is no error', async () => {
    for (const words of [['--help'], ['run', '--help'], ['restore', '-h'], ['restore', '-help']]) {
      const { status, stdout, stderr } = await call(entrypoint, words);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(/^Usage: entrypoint/);
    }
  });
});

test('the folder of the checkout is left as it was', () => expect(existsSync(join(folder, 'data'))).toBe(false));
