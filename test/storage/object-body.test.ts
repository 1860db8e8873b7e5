import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bytes } from '../../src/quantities.ts';
import { bodyFromBytes, bodyFromFile, readAll, readBody } from '../../src/storage/object-body.ts';
import type { ObjectBody } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';

async function temporaryFile(content: string) {
  const folder = await mkdtemp(join(tmpdir(), 'object-body-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'file');
  await writeFile(path, content);
  return path;
}

const collect = async (chunks: AsyncIterable<Uint8Array>) => Buffer.concat(await Array.fromAsync(chunks)).toString();

describe.each([
  ['bytes', async (content: string) => bodyFromBytes(Buffer.from(content))],
  ['a file', async (content: string) => bodyFromFile(await temporaryFile(content), content.length)],
])('a body from %s', (_, make) => {
  it('can be read again and again, whole or in part', async () => {
    const body = await make('0123456789');
    expect(body.size).toBe(10);
    expect(await collect(body.open())).toBe('0123456789');
    expect(await collect(body.open({ start: 2, end: 5 }))).toBe('234');
    expect(await collect(body.open({ start: 5, end: 5 }))).toBe('');
    expect(await collect(body.open())).toBe('0123456789');
  });
});

describe('a body that breaks its promise', () => {
  it('is an error when its file has become shorter, or is gone', async () => {
    const path = await temporaryFile('0123456789');
    await truncate(path, 4);
    await expect(collect(bodyFromFile(path, 10).open())).rejects.toMatchObject({ code: 'STAGING_FAILED' });
    await rm(path);
    await expect(collect(bodyFromFile(path, 10).open())).rejects.toMatchObject({ code: 'STAGING_FAILED' });
  });

  it.each([9, 11])('is an error when it gives %i bytes of 10', async (given) => {
    const body: ObjectBody = {
      ...bodyFromBytes(Buffer.alloc(10)),
      open: () => bodyFromBytes(Buffer.alloc(given)).open(),
    };
    await expect(collect(readBody(body))).rejects.toMatchObject({ code: 'STAGING_FAILED' });
  });

  it('of a file that grew is as long as was said', async () => {
    const path = await temporaryFile('0123456789 and more');
    expect(await collect(readBody({ ...bodyFromFile(path, 10), size: bytes(10) }))).toBe('0123456789');
  });
});

it('reading a whole object stops at the limit', async () => {
  const path = await temporaryFile('0123456789');
  const store = await openStore({ type: 'file', path: join(path, '..') });
  expect((await readAll(store, 'file', 10)).toString()).toBe('0123456789');
  await expect(readAll(store, 'file', 9)).rejects.toMatchObject({ code: 'STORAGE_BROKEN' });
});
