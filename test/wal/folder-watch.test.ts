import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FolderWatch, watchFolder } from '../../src/wal/folder-watch.ts';
import { NameListeners } from '../../src/wal/name-listeners.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'folder-watch-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const watchers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'FSEventWrap').length;

it('200 databases of one folder share a watcher, and each hears of its own files alone', async () => {
  const before = watchers();
  const heard = new Map<string, number>();
  const names = Array.from({ length: 200 }, (_, index) => `${index}.db`);
  const watches = names.map(
    (name) => new FolderWatch(join(folder, name), () => heard.set(name, (heard.get(name) ?? 0) + 1)),
  );
  for (const watch of watches) expect(watch.arm()).toBe(true);
  expect(watchers()).toBeLessThanOrEqual(before + 1);
  appendFileSync(join(folder, '7.db-wal'), 'x');
  writeFileSync(join(folder, 'unknown'), 'x');
  await vi.waitFor(() => expect(heard.has('7.db')).toBe(true), 5_000);
  expect([...heard.keys()]).toEqual(['7.db']);
  for (const watch of watches) watch.disarm();
  expect(watchers()).toBe(before);
});

it('who lets go hears nothing more; the others go on hearing', async () => {
  const heard: string[] = [];
  const listen = (who: string) =>
    watchFolder(folder, { names: ['a.db'], changed: () => heard.push(who), lost: () => heard.push(`${who} lost`) });
  const [first, second] = [listen('first'), listen('second')];
  first();
  writeFileSync(join(folder, 'a.db'), 'x');
  await vi.waitFor(() => expect(heard).toContain('second'), 5_000);
  expect(heard).not.toContain('first');
  second();
});

it('a folder that is removed is lost, and one that is made in its place can be watched', async () => {
  const lost = vi.fn();
  const release = watchFolder(folder, { names: undefined, changed: () => undefined, lost });
  rmSync(folder, { recursive: true });
  await vi.waitFor(() => expect(lost).toHaveBeenCalled(), 5_000);
  release();
  await pause(10);
  expect(() => watchFolder(folder, { names: undefined, changed: () => undefined, lost })).toThrow('ENOENT');
});

it('a change without a name is told to everybody', () => {
  const listeners = new NameListeners();
  const told: string[] = [];
  for (const name of ['a', 'b']) {
    listeners.add({ names: [name], changed: () => told.push(name), lost: () => undefined });
  }
  listeners.tell(undefined, 'written');
  expect(told).toEqual(['a', 'b']);
});
