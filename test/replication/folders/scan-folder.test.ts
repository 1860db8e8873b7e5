import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HeldFiles } from '../../../src/replication/folders/held-files.ts';
import { scanFolder } from '../../../src/replication/folders/scan-folder.ts';
import { folderAt } from './folder-at.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'scan-folder-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function make(name: string): void {
  mkdirSync(join(root, name, '..'), { recursive: true });
  const database = new Database(join(root, name));
  database.exec('CREATE TABLE rows (name TEXT)');
  database.close();
}

it('finds databases, and says of what else is meant why it is none', () => {
  make('b.db');
  make('a.db');
  make('eu/c.db');
  make('.a.db-litestream/d.db');
  // Where the folder is a volume: nobody but root may read it.
  make('lost+found/e.db');
  writeFileSync(join(root, 'text.db'), 'x'.repeat(200));
  writeFileSync(join(root, 'empty.db'), '');
  symlinkSync('a.db', join(root, 'link.db'));
  writeFileSync(join(root, 'notes.txt'), 'not meant');
  const { databases, passedOver } = scanFolder(folderAt(root));
  expect(databases).toEqual(['a.db', 'b.db']);
  expect(Object.fromEntries(passedOver)).toEqual({
    'text.db': 'it is not a SQLite database',
    'empty.db': 'it is empty',
    'link.db': 'it is a link: list what it names under a path of its own',
  });
  const deep = scanFolder({ ...folderAt(root), depth: 'with-subfolders' });
  expect(deep.databases).toEqual(['a.db', 'b.db', 'eu/c.db']);
  expect(deep.folders).toEqual(['', 'eu']);
});

it('a folder that is not there holds none', () => {
  expect(scanFolder(folderAt(join(root, 'absent'))).databases).toEqual([]);
});

it('a file in the place of the folder is an error that says so', () => {
  writeFileSync(join(root, 'file'), '');
  expect(() => scanFolder(folderAt(join(root, 'file')))).toThrow(
    expect.objectContaining({ code: 'DATA_FOLDER', message: expect.stringContaining('ENOTDIR') }),
  );
});

// Closing any descriptor of a file drops the locks of this process on it, and with them the follower's read mark.
it('never opens a database that is followed, under whatever name it appears', () => {
  make('followed.db');
  const held = new HeldFiles(root);
  held.add('followed.db');
  linkSync(join(root, 'followed.db'), join(root, 'other-name.db'));
  const { databases, passedOver } = scanFolder(folderAt(root), held);
  expect(databases).toEqual(['followed.db']);
  expect(passedOver.get('other-name.db')).toBe('it is another name of a database that is replicated already');
});
