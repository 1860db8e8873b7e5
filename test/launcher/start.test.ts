import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** A checkout of its own, because npm start keeps its data in the checkout. */
let checkout: string;
beforeAll(() => {
  checkout = mkdtempSync(join(tmpdir(), 'checkout-'));
  for (const name of ['entrypoint', 'src', 'scripts', 'examples', 'package.json', 'package-lock.json', '.npmrc']) {
    cpSync(join(root, name), join(checkout, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
});
afterAll(() => rmSync(checkout, { recursive: true, force: true }));

/** `node scripts/start.ts`, which is what npm start comes to once everything is installed. */
function start(words: readonly string[]) {
  const running = spawn(process.execPath, ['scripts/start.ts', ...words], {
    cwd: checkout,
    env: { ...process.env, PORT: '0', NODE_OPTIONS: '' },
  });
  let output = '';
  running.stdout.on('data', (text) => (output += text));
  running.stderr.on('data', (text) => (output += text));
  const ended = once(running, 'exit');
  return {
    running,
    ended,
    output: () => output,
    async find(pattern: RegExp): Promise<string> {
      for (let turn = 0; turn < 1000; turn += 1) {
        const [found] = pattern.exec(output) ?? [];
        if (found !== undefined) return found;
        await sleep(20);
      }
      throw new Error(`waited in vain for ${pattern}:\n${output}`);
    },
    [Symbol.dispose]: () => running.kill('SIGKILL'),
  };
}

describe('npm start', () => {
  test('shows a newcomer that rows survive the loss of the disk', async () => {
    {
      using first = start([]);
      const url = await first.find(/http:\/\/127\.0\.0\.1:[1-9]\d*\//);
      expect(first.output()).toContain('./data/replica');
      expect(await (await fetch(`${url}add?text=hello`)).text()).toBe('row 1 is committed\n');
      expect((await fetch(`${url}rows`, { method: 'POST', body: 'from a POST' })).status).toBe(201);
      first.running.kill('SIGINT');
      expect(await first.ended).toEqual([0, null]);
    }
    const data = join(checkout, 'data');
    for (const name of readdirSync(data)) {
      if (name.includes('station.db')) rmSync(join(data, name), { recursive: true });
    }
    expect(existsSync(join(data, 'station.db'))).toBe(false);
    using second = start([]);
    const url = await second.find(/http:\/\/127\.0\.0\.1:[1-9]\d*\//);
    const page = await (await fetch(url)).text();
    expect(page).toContain('hello');
    expect(page).toContain('from a POST');
    second.running.kill('SIGTERM');
    expect(await second.ended).toEqual([0, null]);
  });

  test('-- COMMAND supervises any command on the same database', async () => {
    using other = start(['sh', '-c', 'echo "database: $DATABASE"; exit 3']);
    expect(await other.ended).toEqual([3, null]);
    expect(other.output()).toContain('database: ./data/station.db');
  });
});

describe('what installs what is missing', () => {
  test('says nothing where nothing is missing', async () => {
    const running = spawn(process.execPath, ['scripts/install-if-missing.mjs'], { cwd: checkout });
    let output = '';
    running.stdout.on('data', (text) => (output += text));
    running.stderr.on('data', (text) => (output += text));
    expect(await once(running, 'close')).toEqual([0, null]);
    expect(output).toBe('');
  });
});
