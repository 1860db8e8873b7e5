import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Log } from '../../../src/observe/log.ts';
import { milliseconds } from '../../../src/quantities.ts';
import { findInReplicas } from '../../../src/replication/folders/find-in-replicas.ts';
import type { RestorePolicy } from '../../../src/restore/choose.ts';
import { folderAt } from './folder-at.ts';

let root: string;
const warnings: string[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'find-in-replicas-'));
  warnings.length = 0;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function replicaOf(name: string, ...databases: readonly string[]): string {
  for (const database of databases) {
    const folder = join(root, name, database, 'ltx', '0');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, '0000000000000001-0000000000000001.ltx'), '');
  }
  return join(root, name);
}

/** A volume that is not mounted. */
function away(): string {
  symlinkSync(join(root, 'not-mounted'), join(root, 'away'));
  return join(root, 'away');
}

const anyOf: RestorePolicy = { quorum: 'any', from: undefined };

async function find(replicas: readonly string[], policy = anyOf): Promise<readonly string[]> {
  const log = { warn: (message: string) => void warnings.push(message) } as unknown as Log;
  const folder = folderAt(join(root, 'data'), replicas);
  return await findInReplicas(folder, policy, milliseconds(400), new AbortController().signal, log);
}

it('a database counts that any replica holds', async () => {
  expect(await find([replicaOf('one', 'a.db', 'b.db'), replicaOf('two', 'b.db', 'c.db')])).toEqual([
    'a.db',
    'b.db',
    'c.db',
  ]);
});

it('replicas that answer and hold nothing are empty', async () => {
  mkdirSync(join(root, 'two'));
  expect(await find([join(root, 'one'), join(root, 'two')])).toEqual([]);
});

it('one that cannot be reached is not empty', async () => {
  const unreachable = { code: 'RESTORE_UNREACHABLE', message: expect.stringContaining('is a link to something') };
  await expect(find([replicaOf('one'), away()])).rejects.toMatchObject(unreachable);
});

it('the others will do where they hold something, and it is said', async () => {
  expect(await find([replicaOf('one', 'a.db'), away()])).toEqual(['a.db']);
  expect(warnings).toEqual(['a replica did not say which databases it holds: going on with those of the others']);
});

it('with the quorum "all" they will not', async () => {
  const replicas = [replicaOf('one', 'a.db'), away()];
  await expect(find(replicas, { quorum: 'all', from: undefined })).rejects.toMatchObject({
    code: 'RESTORE_UNREACHABLE',
  });
});

it('where one is asked for by name, only that one is asked', async () => {
  const replicas = [replicaOf('one', 'a.db'), replicaOf('two', 'b.db')];
  expect(await find(replicas, { quorum: 'any', from: 'file-2' })).toEqual(['b.db']);
});
