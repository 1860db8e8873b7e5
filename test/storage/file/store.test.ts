import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytes, milliseconds } from '../../../src/quantities.ts';
import { fileStoreError } from '../../../src/storage/file/errors.ts';
import { createFinalByClaim } from '../../../src/storage/file/publish.ts';
import { bodyFromBytes, readAll } from '../../../src/storage/object-body.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import { describeObjectStore } from '../conformance.ts';

describeObjectStore('a folder', async () => {
  const base = await mkdtemp(join(tmpdir(), 'file-store-'));
  return {
    open: (path) => openStore({ type: 'file', path: join(base, path) }),
    openWrong: {},
    timestampOf: async (path, key) => (await stat(join(base, path, key))).mtimeMs,
    emptyRoot: false,
    stop: () => rm(base, { recursive: true, force: true }),
  };
});

const openStorePath = fileURLToPath(new URL('../../../src/storage/open-store.ts', import.meta.url));
let folder: string;
let root: string;
let store: ObjectStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-store-'));
  root = join(folder, 'data', 'replica');
  store = await openStore({ type: 'file', path: root });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const keysOf = async (of: ObjectStore, prefix = '') => (await Array.fromAsync(of.list(prefix))).map((info) => info.key);

describe('a file', () => {
  it('carries the timestamp as mtime, where stock Litestream reads it', async () => {
    const timestamp = milliseconds(Date.UTC(2020, 1, 3, 4, 5, 6, 789));
    await store.put('ltx/0/a.ltx', bodyFromBytes(Buffer.from('x')), { createOnly: true, timestamp });
    expect((await stat(join(root, 'ltx/0/a.ltx'))).mtimeMs).toBe(timestamp);
  });

  it('leaves no temporary one behind, whatever the outcome', async () => {
    await store.put('a', bodyFromBytes(Buffer.from('x')), { createOnly: true });
    const again = store.put('a', bodyFromBytes(Buffer.from('y')), { createOnly: true });
    await expect(again).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
    const failing = { ...bodyFromBytes(Buffer.from('y')), size: bytes(2) };
    await expect(store.put('b', failing, { createOnly: true })).rejects.toMatchObject({ code: 'STAGING_FAILED' });
    expect(await readdir(root)).toEqual(['a']);
  });

  it('half-written by a process that died is never listed, and does not stand in the way', async () => {
    await mkdir(root, { recursive: true });
    await writeFile(join(root, 'a.77-abcd.tmp'), 'half');
    await store.put('a', bodyFromBytes(Buffer.from('x')), { createOnly: true });
    expect(await keysOf(store)).toEqual(['a']);
  });

  it('that disappears while the folder is listed is left out', async () => {
    await store.put('a', bodyFromBytes(Buffer.from('x')), { createOnly: true });
    await symlink(join(root, 'gone'), join(root, 'b'));
    expect(await keysOf(store)).toEqual(['a']);
  });

  it('may not be named so that it leaves the root', async () => {
    for (const key of ['../a', 'a/../../b', '/etc/passwd', 'a//b', '']) {
      await expect(readAll(store, key, 10)).rejects.toMatchObject({ code: 'INTERNAL' });
    }
  });
});

describe('a root that is missing', () => {
  it('holds nothing where it could be made', async () => {
    expect(await keysOf(store)).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is unreachable, not empty, behind a link that leads nowhere', async () => {
    await symlink(join(folder, 'not-mounted'), join(folder, 'data'));
    await expect(keysOf(store)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
  });

  it('is an error where a file is in its place', async () => {
    await writeFile(join(folder, 'data'), '');
    await expect(keysOf(store)).rejects.toMatchObject({
      code: 'STORAGE_BROKEN',
      message: expect.stringMatching(/^ENOTDIR: /),
    });
  });

  it('and comes back, as a mount does, works again in the same store', async () => {
    await store.put('a', bodyFromBytes(Buffer.from('x')), { createOnly: true });
    await rename(root, `${root}-away`);
    await symlink(join(folder, 'not-mounted'), root);
    const lost = { code: 'STORAGE_UNREACHABLE' };
    await expect(keysOf(store)).rejects.toMatchObject(lost);
    await expect(store.put('b', bodyFromBytes(Buffer.from('x')), { createOnly: true })).rejects.toMatchObject({
      code: expect.stringMatching(/^STORAGE_(NOT_FOUND|UNREACHABLE)$/),
    });
    await unlink(root);
    await rename(`${root}-away`, root);
    await store.put('b', bodyFromBytes(Buffer.from('x')), { createOnly: true });
    expect(await keysOf(store)).toEqual(['a', 'b']);
  });
});

describe('a process that may not', () => {
  /** Root may everything, so the question is asked by a process of another user. */
  const asNobody = (script: string) => {
    const imports = `import { openStore } from ${JSON.stringify(openStorePath)};`;
    const program = `${imports}
      if (process.getuid() === 0) process.setuid(65534);
      const store = await openStore({ type: 'file', path: ${JSON.stringify(root)} });
      const error = await (async () => { ${script} })().catch((thrown) => thrown);
      console.log(JSON.stringify({ code: error?.code, message: error?.message }));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
    return JSON.parse(stdout) as { code: string; message: string };
  };

  it('read the root is refused, never told that it is empty', async () => {
    await mkdir(root, { recursive: true });
    await chmod(root, 0o000);
    await chmod(folder, 0o755);
    const answer = asNobody('for await (const _ of store.list("")) ;');
    expect(answer).toEqual({ code: 'STORAGE_DENIED', message: expect.stringMatching(/^EACCES: /) });
    await chmod(root, 0o755);
  });

  it('make the missing root cannot reach it', async () => {
    await chmod(folder, 0o555);
    const answer = asNobody('for await (const _ of store.list("")) ;');
    expect(answer).toEqual({
      code: 'STORAGE_UNREACHABLE',
      message: expect.stringMatching(/^EACCES: .* cannot be made/),
    });
    await chmod(folder, 0o755);
  });
});

describe('where there are no hard links', () => {
  const temporary = async (name: string) => {
    await mkdir(root, { recursive: true });
    await writeFile(join(root, name), name);
    return join(root, name);
  };

  it('one of many still wins', async () => {
    const racers = await Promise.all(Array.from({ length: 20 }, (_, racer) => temporary(`${racer}.tmp`)));
    const outcomes = await Promise.allSettled(
      racers.map((racer) => createFinalByClaim(racer, join(root, 'a'), undefined)),
    );
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason.code);
    expect(lost).toEqual(Array(19).fill('STORAGE_ALREADY_EXISTS'));
    expect(await keysOf(store)).toEqual(['a']);
  });

  it('an abort ends the wait for a claim', async () => {
    await temporary('a.claim.tmp');
    const racer = await temporary('1.tmp');
    const wait = createFinalByClaim(racer, join(root, 'a'), AbortSignal.timeout(100));
    await expect(wait).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('what the system answers', () => {
  it.each([
    ['ENOENT', 'STORAGE_NOT_FOUND'],
    ['EACCES', 'STORAGE_DENIED'],
    ['EROFS', 'STORAGE_DENIED'],
    ['ENOSPC', 'STORAGE_UNREACHABLE'],
    ['EIO', 'STORAGE_UNREACHABLE'],
    ['ESTALE', 'STORAGE_UNREACHABLE'],
    ['EMFILE', 'STORAGE_UNREACHABLE'],
  ])('%s is %s, and stays the first word', (errno, code) => {
    const error = Object.assign(new Error(`${errno}: as Node says it, open 'a'`), { code: errno, syscall: 'open' });
    expect(fileStoreError(error)).toMatchObject({ code, message: expect.stringMatching(new RegExp(`^${errno}: `)) });
  });
});
