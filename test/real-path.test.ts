import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fileBehind, realPathOf } from '../src/real-path.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'real-path-')));
const at = (...names: string[]) => join(folder, ...names);
beforeAll(() => {
  mkdirSync(at('data'));
  writeFileSync(at('data', 'station.db'), '');
  symlinkSync(at('data'), at('link'));
  symlinkSync('data/station.db', at('file'));
  symlinkSync('data/later.db', at('dangling'));
  symlinkSync('circle', at('circle'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each([
  ['a link to a folder', 'link/station.db', 'data/station.db'],
  ['a link to a folder, and what is not there', 'link/not/there.db', 'data/not/there.db'],
  ['a link to a file', 'file', 'data/station.db'],
  ['a link that leads nowhere yet', 'dangling', 'data/later.db'],
  ['a link to itself', 'circle', 'circle'],
  ['no link', 'data/station.db', 'data/station.db'],
])('realPathOf follows %s', (_what, path, real) => {
  expect(realPathOf(at(path))).toBe(at(real));
});

it('fileBehind follows a file that is a link, and leaves the spelling of its folder', () => {
  expect(fileBehind(at('file'))).toBe(at('data/station.db'));
  expect(fileBehind(at('dangling'))).toBe(at('data/later.db'));
  expect(fileBehind(at('link/station.db'))).toBe(at('link/station.db'));
});
