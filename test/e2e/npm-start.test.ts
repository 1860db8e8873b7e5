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
    const life = startLife('npm', ['start'], copy, { PORT: '0', npm_config_loglevel: 'error' });
    lives.push(life);
    await life.waitFor(/sample app: \d+ rows, http\S+/);
    return life;
  };
  const addressOf = (life: Life) => /sample app: \d+ rows, (http\S+)/.exec(life.output())?.[1] ?? '';
  try {
    for (const name of readdirSync(checkout)) {
      if (!left.has(name)) cpSync(join(checkout, name), join(copy, name), { recursive: true });
    }
    symlinkSync(join(checkout, 'node_modules'), join(copy, 'node_modules'));

    const first = await npmStart();
    expect((await fetch(`${addressOf(first)}add?text=hello`)).status).toBe(201);
    expect((await first.stop()).code, first.log() + first.output()).toBe(0);

    const data = join(copy, 'data');
    expect(existsSync(join(data, 'replica'))).toBe(true);
    for (const name of readdirSync(data)) {
      if (name.startsWith('station.db') || name === '.station.db-litestream') {
        rmSync(join(data, name), { recursive: true });
      }
    }
    const second = await npmStart();
    expect(await (await fetch(addressOf(second))).text()).toContain('hello');
    expect((await second.stop()).code, second.log() + second.output()).toBe(0);
  } finally {
    for (const life of lives) life.end();
    rmSync(copy, { recursive: true, force: true });
  }
}, 120_000);
