/** What the README tells a newcomer to type, in a fresh copy of the checkout. */
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkout, type Life, startLife } from './life.ts';

const left = new Set(['.git', 'node_modules', '.cache', 'dist', 'data', 'coverage']);

it('npm start: add rows, stop, lose the disk, start again, and the rows are there', async () => {
  const copy = mkdtempSync(join(tmpdir(), 'npm-start-'));
  const lives: Life[] = [];
  const npmStart = async () => {
    // A process group of its own: a terminal's Ctrl-C goes to all of it, npm and its shell too.
    const life = startLife('setsid', ['npm', 'start'], copy, { PORT: '0', npm_config_loglevel: 'error' });
    lives.push(life);
    await life.waitFor(/sample app: \d+ rows, http\S+/, 90_000);
    return life;
  };
  const pressControlC = (life: Life) => {
    process.kill(-life.pid, 'SIGINT');
    return life.ended;
  };
  const addressOf = (life: Life) => /sample app: \d+ rows, (http\S+)/.exec(life.output())?.[1] ?? '';
  try {
    for (const name of readdirSync(checkout)) {
      if (!left.has(name)) cpSync(join(checkout, name), join(copy, name), { recursive: true });
    }
    // A fresh clone has none, and npm start brings them: where npm's registry can be counted on.
    if (!process.env['CI']) symlinkSync(join(checkout, 'node_modules'), join(copy, 'node_modules'));

    const first = await npmStart();
    expect((await fetch(`${addressOf(first)}add?text=hello`)).status).toBe(201);
    // npm itself ends by the signal; what it started ends in good order before.
    await pressControlC(first);
    expect(first.output()).toContain('drain complete');

    const data = join(copy, 'data');
    expect(existsSync(join(data, 'replica'))).toBe(true);
    for (const name of readdirSync(data)) {
      if (name.startsWith('station.db') || name === '.station.db-litestream') {
        rmSync(join(data, name), { recursive: true });
      }
    }
    const second = await npmStart();
    expect(await (await fetch(addressOf(second))).text()).toContain('hello');
    // npm itself ends by the signal; what it started ends in good order before.
    await pressControlC(second);
    expect(second.output()).toContain('drain complete');
  } finally {
    for (const life of lives) {
      life.end();
      await life.ended;
    }
    rmSync(copy, { recursive: true, force: true });
  }
}, 150_000);
