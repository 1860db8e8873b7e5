import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { Replica } from './support/replica.ts';
import { Workbench } from './support/workbench.ts';
import { nodeWriter } from './support/writers.ts';

const MIB = 1024 * 1024;

it('a transaction of 1 GiB costs little memory', async () => {
  const bench = new Workbench();
  const state = join(bench.folder, 'state');
  mkdirSync(state);
  const db = new Database(bench.path);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE counter(id TEXT PRIMARY KEY, mark TEXT); CREATE TABLE history(id TEXT, n INTEGER, body BLOB)');
  db.close();
  const follower = spawn(process.execPath, [join(import.meta.dirname, 'follower-process.ts'), bench.path, state]);
  let output = '';
  follower.stdout.on('data', (data) => {
    output += data;
  });
  const ended = new Promise((resolve) => follower.once('close', resolve));
  const blob = 'INSERT INTO history VALUES (1, 1, zeroblob(270000000))';
  const sql = [`BEGIN; ${[blob, blob, blob, blob].join(';')}; COMMIT`];
  const { exit, errors } = await nodeWriter(bench.path, {
    transactions: 0,
    sql,
    pragmas: ['synchronous = OFF'],
    noClose: true,
  }).ended;
  expect(exit, errors).toBe('SIGKILL');
  follower.stdin.end();
  await ended;
  const last = JSON.parse(output.trim().split('\n').at(-1) ?? '{}');
  expect(last.ended).toBe(true);
  const grown = (last.largest - last.baseline) / MIB;
  console.log(`memory: ${Math.round(last.baseline / MIB)} MiB before, ${Math.round(grown)} MiB more at most`);
  expect(grown).toBeLessThan(100);
  const replica = new Replica(join(state, 'replica'), 'existing');
  expect(replica.differenceFrom(bench.path, 4096)).toBeUndefined();
  replica.close();
  bench.dispose();
});
