import { mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { milliseconds } from '../../src/quantities.ts';
import { bodyFromBytes, readAll } from '../../src/storage/object-body.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { describeObjectStore } from './conformance.ts';

describeObjectStore('a folder', async () => {
  const base = await mkdtemp(join(tmpdir(), 'file-store-'));
  return {
    open: (path) => openStore({ type: 'file', path: join(base, path) }),
    openWrong: {},
    timestampOf: async (path, key) => (await stat(join(base, path, key))).mtimeMs,
    conditionalMultipart: true,
    emptyRoot: false,
    stop: () => rm(base, { recursive: true, force: true }),
  };
});

let folder: string;
let store: ObjectStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-store-'));
  store = await openStore({ type: 'file', path: join(folder, 'data', 'replica') });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const keysOf = async (of: ObjectStore, prefix = '') => (await Array.fromAsync(of.list(prefix))).map((info) => info.key);

describe('a folder', () => {
  it('carries the timestamp as mtime, where stock Litestream reads it', async () => {
    const timestamp = milliseconds(Date.UTC(2020, 1, 3, 4, 5, 6, 789));
    await store.put('ltx/0/a.ltx', bodyFromBytes(Buffer.from('x')), { createOnly: true, timestamp });
    expect((await stat(join(folder, 'data/replica/ltx/0/a.ltx'))).mtimeMs).toBe(timestamp);
  });

  it('leaves no temporary file, whatever the outcome', async () => {
    await store.put('a', bodyFromBytes(Buffer.from('x')), { createOnly: true });
    await expect(store.put('a', bodyFromBytes(Buffer.from('y')), { createOnly: true })).rejects.toMatchObject({
      code: 'STORAGE_ALREADY_EXISTS',
    });
    expect(await readdir(join(folder, 'data/replica'))).toEqual(['a']);
    expect((await readAll(store, 'a', 10)).toString()).toBe('x');
  });

  it('holds nothing when it is missing and could be made', async () => {
    expect(await keysOf(store)).toEqual([]);
  });

  it('is unreachable, not empty, behind a link that leads nowhere', async () => {
    await symlink(join(folder, 'not-mounted'), join(folder, 'data'));
    await expect(keysOf(store)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
  });
});
