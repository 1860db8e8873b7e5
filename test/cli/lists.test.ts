/** The lists, in the columns and keys that scripts for Litestream cut out. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { copyFixture } from '../fixtures/litestream-backups.ts';
import { runVerb } from './run-verb.ts';

const root = mkdtempSync(join(tmpdir(), 'lists-'));
const config = join(root, 'litestream.yml');
const database = join(root, 'data', 'station.db');
const url = (name: string) => `file://${join(root, name)}`;

beforeAll(() => {
  copyFixture('litestream-0.5', join(root, 'new'));
  copyFixture('litestream-0.3', join(root, 'old'));
  const replicas = ['new', 'old'].map((name) => ({ name, type: 'file', path: join(root, name) }));
  const away = { name: 'away', type: 's3', bucket: '$' + '{NO_SUCH_BUCKET}' };
  writeFileSync(config, stringify({ dbs: [{ path: database, replicas: [...replicas, away] }] }));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function list(...words: string[]) {
  const { output, errors, status } = await runVerb(words);
  const [head = [], ...rows] = output
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  return { head, rows, errors, status };
}

it('databases: the path and the replicas, and as JSON what is not configured', async () => {
  const { head, rows, status } = await list('databases', '-config', config);
  expect([head, rows, status]).toEqual([['path', 'replica'], [[database, 'new,old']], 0]);
  const { output } = await runVerb(['databases', '-config', config, '-json']);
  expect(JSON.parse(output)).toMatchObject([
    {
      path: database,
      replica: 'file',
      replicas: [
        { name: 'new', type: 'file' },
        { name: 'old', type: 'file' },
      ],
      not_configured: [{ name: 'away', type: 's3', variables: ['NO_SUCH_BUCKET'] }],
    },
  ]);
});

it('ltx: every level, or one; by path, by URL, by name', async () => {
  const all = await list('ltx', '-config', config, database);
  expect(all.head).toEqual(['level', 'min_txid', 'max_txid', 'size', 'created', 'replica', 'database']);
  expect(new Set(all.rows.map(([level]) => level)).size).toBeGreaterThan(1);
  const snapshots = await list('ltx', '-level', '9', url('new'));
  expect(snapshots.rows.length).toBeGreaterThan(0);
  for (const [level, min, , , created, replica, path] of snapshots.rows) {
    expect([level, min, replica, path]).toEqual(['9', '0000000000000001', 'file', '-']);
    expect(created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  }
  expect((await list('ltx', '-config', config, '-replica', 'old')).rows).toEqual([]);
  const { output } = await runVerb(['ltx', '-json', '-level', 'all', url('new')]);
  const [first] = JSON.parse(output) as readonly object[];
  expect(Object.keys(first ?? {}).slice(0, 5)).toEqual(['level', 'min_txid', 'max_txid', 'size', 'timestamp']);
});

it('snapshots: those of both formats', async () => {
  const { head, rows } = await list('snapshots', '-config', config);
  expect(head).toEqual(['replica', 'generation', 'index', 'size', 'created', 'txid', 'database']);
  expect(
    new Set(rows.map(([replica, generation, , , , txid]) => `${replica} ${generation === '-'} ${txid === '-'}`)),
  ).toEqual(new Set(['new true false', 'old false true']));
});

it('generations and wal: of Litestream 0.3, and a hint for what came after', async () => {
  const generations = await list('generations', url('old'));
  expect(generations.head.slice(0, 5)).toEqual(['name', 'generation', 'lag', 'start', 'end']);
  expect(generations.rows.length).toBeGreaterThan(1);
  const [name = ''] = generations.rows.map(([, generation]) => generation ?? '');
  const wal = await list('wal', '-generation', name, url('old'));
  expect(wal.head.slice(0, 6)).toEqual(['replica', 'generation', 'index', 'offset', 'size', 'created']);
  expect(new Set(wal.rows.map(([, generation]) => generation))).toEqual(new Set([name]));
  const alias = await list('wal', url('new'));
  expect(alias.errors).toContain('list them with "ltx"');
  expect(alias.head[0]).toBe('level');
  expect(new Set(alias.rows.map(([level]) => level))).toEqual(new Set(['0']));
  expect((await list('generations', url('new'))).errors).toContain('have no generations');
});

it('say what is wrong: a replica that cannot be listed, a name, a level', async () => {
  writeFileSync(join(root, 'file'), '');
  const broken = await list('ltx', url('file/below'));
  expect([broken.status, broken.rows]).toEqual([69, []]);
  expect(broken.errors).toContain('ENOTDIR');
  for (const words of [
    ['ltx', '-config', config, '-replica', 'none'],
    ['ltx', '-level', '10', url('new')],
    ['snapshots', '-config', config, '/other.db'],
    ['generations', url('new'), url('old')],
    ['databases', 'x'],
  ]) {
    const { status, errors } = await runVerb(words);
    expect([words[0], status], errors).toEqual([words[0], 64]);
  }
});
