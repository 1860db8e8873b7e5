/** A sleeping process sleeps: no timers under a second. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Site } from './life.ts';

const preload = join(import.meta.dirname, 'note-timers.mjs');

it('at rest no timer under a second is set, though the command is asked whether it is up', async () => {
  await using site = new Site();
  const timers = join(site.folder, 'timers');
  const environment = { NODE_OPTIONS: `--import=${preload}`, TIMERS: timers };
  const life = site.start(['add=3', 'until-term'], { environment, flags: ['--ready-command', 'true'] });
  await life.waitFor(/^waiting$/m);
  await life.waitFor(/write snapshot/);
  await life.waitFor(/command is ready/);
  // The checkpointer looks twice more before it rests.
  await pause(4000);
  // An interval is set once, and may have been before.
  const intervals = lines(timers).filter((line) => line.includes('again and again'));
  writeFileSync(timers, '');
  await pause(11_000);
  const atRest = lines(timers);
  expect((await life.stop()).code, life.log()).toBe(0);
  // Some timer is set, or nothing was noted.
  expect(atRest.length).toBeGreaterThan(1);
  expect([...intervals, ...atRest].filter((line) => Number.parseInt(line, 10) < 1000)).toEqual([]);
});

function lines(file: string): readonly string[] {
  return readFileSync(file, 'utf8').trim().split('\n');
}
