import { describe, expect, it } from 'vitest';
import type { DatabaseFolderConfig } from '../../src/config/config.ts';
import { compileFilePattern } from '../../src/config/file-pattern.ts';
import { databaseIn, isMeant, relativeIn } from '../../src/config/folder-database.ts';
import { errorOfText, loadText } from './load-text.ts';

const entry = (...lines: readonly string[]) =>
  ['dbs:', '  - dir: /data', ...lines.map((line) => `    ${line}`)].join('\n');
const tenants = ["pattern: '*.db'", 'replica: {url: s3://backups/tenants}'];

function folderOf(...lines: readonly string[]): DatabaseFolderConfig {
  const [folder] = loadText(entry(...lines)).folders;
  if (folder === undefined) throw new Error('no folder');
  return folder;
}

describe('an entry with a folder', () => {
  it('means every database in it, each in a place of its own below the replica', () => {
    const config = loadText(entry(...tenants));
    expect(config.databases).toEqual([]);
    expect(config.folders).toMatchObject([
      { path: '/data', pattern: '*.db', depth: 'this-folder', discovery: 'at-start', staging: { kind: 'beside' } },
    ]);
    const database = databaseIn(folderOf(...tenants), 'acme.db');
    expect(database).toMatchObject({ path: '/data/acme.db', stagingFolder: '/data/.acme.db-litestream' });
    expect(database.replicas.map(({ store }) => store)).toMatchObject([
      { type: 's3', bucket: 'backups', path: 'tenants/acme.db' },
    ]);
  });

  it('keeps the path inside the folder in the place of the replica', () => {
    const folder = folderOf("pattern: '*.db'", 'recursive: true', 'watch: true', 'replica: {path: /backup}');
    expect(folder).toMatchObject({ depth: 'with-subfolders', discovery: 'always' });
    const { replicas, stagingFolder } = databaseIn(folder, 'eu/acme.db');
    expect(replicas[0]?.store).toEqual({ type: 'file', path: '/backup/eu/acme.db' });
    expect(stagingFolder).toBe('/data/eu/.acme.db-litestream');
  });

  it('has its databases at the root of a replica without a path', () => {
    const folder = folderOf("pattern: '*.db'", 'replica: {type: s3, bucket: backups}');
    expect(databaseIn(folder, 'acme.db').replicas[0]?.store).toMatchObject({ path: 'acme.db' });
  });

  it.each([
    ['meta-path: /staging', '/staging/eu/.acme.db-litestream'],
    ['meta-dir: /staging', '/staging/eu/acme.db-litestream'],
  ])('with "%s" stages as Litestream names it', (line, stagingFolder) => {
    const folder = folderOf(...tenants, line);
    expect(databaseIn(folder, 'eu/acme.db').stagingFolder).toBe(stagingFolder);
  });

  it('may be listed twice with patterns that differ', () => {
    const text = `${entry(...tenants)}\n  - {dir: /data, pattern: '*.sqlite', replica: {url: 's3://backups/tenants'}}\n`;
    expect(loadText(text).folders).toHaveLength(2);
  });
});

describe('mistakes in an entry with a folder', () => {
  it.each([
    [entry('replica: {path: /r}'), 'has no "pattern"', 'pattern:'],
    [entry('path: /a.db', ...tenants), '"path" and "dir" are both given', 'keep "path"'],
    [entry("pattern: 'eu/*.db'", 'replica: {path: /r}'), '"pattern" names a folder', 'recursive'],
    [entry("pattern: '[a'", 'replica: {path: /r}'), '"pattern" is none', 'close every ['],
    [entry(...tenants, 'meta-path: /a', 'meta-dir: /b'), '"meta-path" and "meta-dir" are both given', 'keep one'],
    ['dbs: [{path: /a, watch: true, replica: {path: /r}}]', '"watch" goes with "dir"', 'dir: /data'],
    ['dbs: [{path: /a, meta-dir: /b, replica: {path: /r}}]', '"meta-dir" goes with "dir"', 'dir: /data'],
    [entry("pattern: '*.db'"), 'has no "replicas"', 'replicas:'],
  ])('%s', (text, message, hint) => {
    expect(errorOfText(text)).toMatchObject({
      code: 'CONFIG_VALUE',
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
  });

  it('two folders with one root in a replica, where databases of one name would land in one place', () => {
    const text = `${entry(...tenants)}\n  - {dir: /other, pattern: '*.db', replica: {url: 's3://backups/tenants/'}}\n`;
    const error = errorOfText(text);
    expect(error).toMatchObject({ code: 'CONFIG_VALUE', hint: expect.stringContaining('a path of its own') });
    expect(error.message).toContain('the databases of /other would share their replica places with those listed at');
  });

  it('does not mind what says that one database is one database', () => {
    const text = 'dbs: [{path: /a, watch: false, recursive: false, replica: {path: /r}}]';
    expect(loadText(text).databases).toHaveLength(1);
  });
});

describe('what a folder means', () => {
  const [flat, deep] = [folderOf("pattern: '*'", 'replica: {path: /r}'), folderOf(...tenants, 'recursive: true')];

  it.each(['a.db-wal', 'a.db-shm', 'a.db-journal', '.b.tmp', 'a.db.set-aside-2026-01-01T00-00-00-000Z'])(
    'never %s, whatever the pattern',
    (name) => expect(isMeant(flat, name)).toBe(false),
  );

  it('no subfolder unless asked for, and never what is in a staging folder or a restore under way', () => {
    expect(isMeant(flat, 'eu/a.db')).toBe(false);
    expect(isMeant(deep, 'eu/west/a.db')).toBe(true);
    expect(isMeant(deep, '.a.db-litestream/b.db')).toBe(false);
    expect(isMeant(deep, 'a.db-litestream/b.db')).toBe(false);
    expect(isMeant(deep, '.a.db-restore/b.db')).toBe(false);
  });

  it('nothing outside of it', () => {
    expect(relativeIn(deep, '/data/eu/a.db')).toBe('eu/a.db');
    expect(relativeIn(deep, '/other/a.db')).toBeUndefined();
    expect(relativeIn(deep, '/data')).toBeUndefined();
  });
});

// The examples of Go's own documentation and tests of filepath.Match.
describe('a pattern', () => {
  it.each([
    ['abc', 'abc', true],
    ['*', 'abc', true],
    ['*c', 'abc', true],
    ['a*', 'ab/c', false],
    ['*.db', '.db', true],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[^c]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'ab', false],
    ['a?b', 'a☺b', true],
    ['a[^a]b', 'a☺b', true],
    ['[a-ζ]*', 'α', true],
    ['[\\]a]', ']', true],
    ['[\\-x]', '-', true],
    ['[x\\-]', 'z', false],
    ['a?b', 'a/b', false],
    ['tenant-(1).db', 'tenant-(1).db', true],
    ['*.d{b}', 'x.d{b}', true],
  ])('%s on %s: %s', (pattern, name, matches) => {
    expect(compileFilePattern(pattern)?.test(name)).toBe(matches);
  });

  it.each(['[', '[]a]', '[z-a]', 'a[', '[^]', 'a\\'])('%s is none', (pattern) => {
    expect(compileFilePattern(pattern)).toBeUndefined();
  });
});
