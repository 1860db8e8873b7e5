import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bytes, milliseconds } from '../../src/quantities.ts';
import { readAll } from '../../src/storage/object-body.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { patternBody } from '../storage/pattern-body.ts';
import { s3Options } from '../storage/s3/backend.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { startS3Server } from './s3-server.ts';

const SIZE = 1024 * 1024;

/** An S3 store behind a network that can be made bad. */
async function behindProxy() {
  const server = await startS3Server({ buckets: ['bucket'] });
  const proxy = await startFaultProxy(server.port);
  const settings = {
    connectTimeout: milliseconds(1_000),
    idleTimeout: milliseconds(500),
    attempts: 2,
    partSize: bytes(SIZE),
  };
  const store = await openStore(s3Options({ ...server, url: proxy.url }), settings);
  onTestFinished(async () => {
    await store.close();
    await proxy.stop();
    await server.stop();
  });
  const { body } = patternBody(SIZE);
  await store.put('a', body, { createOnly: true });
  const expected = Buffer.concat(await Array.fromAsync(body.open()));
  return { proxy, store, expected };
}

describe('a bad network', () => {
  it('that resets in the middle of a download is got over', async () => {
    const { proxy, store, expected } = await behindProxy();
    await proxy.set({ kind: 'reset', after: 300_000, direction: 'down', times: 2 });
    expect(Buffer.compare(await readAll(store, 'a', SIZE), expected)).toBe(0);
  });

  it('that resets in the middle of an upload is got over', async () => {
    const { proxy, store } = await behindProxy();
    await proxy.set({ kind: 'reset', after: 300_000, direction: 'up', times: 1 });
    await store.put('b', patternBody(SIZE).body, { createOnly: true });
    expect(await readAll(store, 'b', SIZE)).toHaveLength(SIZE);
  });

  it('that cuts bodies in half is got over', async () => {
    const { proxy, store, expected } = await behindProxy();
    await proxy.set({ kind: 'half', direction: 'down' });
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
    await proxy.set({ kind: 'half', direction: 'up' });
    await expect(store.put('b', patternBody(SIZE).body, { createOnly: true })).rejects.toMatchObject({
      code: 'STORAGE_UNREACHABLE',
    });
    await proxy.set({ kind: 'pass' });
    expect(Buffer.compare(await readAll(store, 'a', SIZE), expected)).toBe(0);
    await store.put('b', patternBody(SIZE).body, { createOnly: true });
  });

  it('with nothing but a load balancer behind it is told by its status, and works again when there is more', async () => {
    const { proxy, store, expected } = await behindProxy();
    await proxy.set({ kind: 'answer', status: 503 });
    await expect(readAll(store, 'a', SIZE)).rejects.toMatchObject({ message: expect.stringContaining('503') });
    await expect(store.put('b', patternBody(SIZE).body, { createOnly: true })).rejects.toMatchObject({
      message: expect.stringContaining('503'),
    });
    await proxy.set({ kind: 'pass' });
    expect(Buffer.compare(await readAll(store, 'a', SIZE), expected)).toBe(0);
  });

  it('that always resets is unreachable', async () => {
    const { proxy, store } = await behindProxy();
    await proxy.set({ kind: 'reset', after: 0, direction: 'down' });
    await expect(readAll(store, 'a', SIZE)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
    await expect(store.put('b', patternBody(10).body, { createOnly: true })).rejects.toMatchObject({
      code: 'STORAGE_UNREACHABLE',
    });
  });

  it('that swallows everything is unreachable, also in the middle of a body', async () => {
    const { proxy, store } = await behindProxy();
    await proxy.set({ kind: 'rate', bytesPerSecond: 500_000 });
    const read = async () => {
      for await (const _ of store.get('a')) await proxy.set({ kind: 'blackhole' });
    };
    await expect(read()).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
  });

  it('where nobody listens is unreachable, never empty, and works again when somebody does', async () => {
    const { proxy, store, expected } = await behindProxy();
    await proxy.set({ kind: 'refuse' });
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({
      code: 'STORAGE_UNREACHABLE',
      message: expect.stringMatching(/^ECONNREFUSED: /),
    });
    await proxy.set({ kind: 'pass' });
    expect(Buffer.compare(await readAll(store, 'a', SIZE), expected)).toBe(0);
  });

  it('that is slow or far is only slow', async () => {
    const { proxy, store, expected } = await behindProxy();
    await proxy.set({ kind: 'rate', bytesPerSecond: 2_000_000 });
    expect(Buffer.compare(await readAll(store, 'a', SIZE), expected)).toBe(0);
    await proxy.set({ kind: 'delay', milliseconds: 20 });
    expect(Buffer.compare(await readAll(store, 'a', SIZE), expected)).toBe(0);
  });

  it('does not lose a reader that pauses longer than the idle limit', async () => {
    const { store, expected } = await behindProxy();
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.get('a')) {
      if (chunks.length < 2) await pause(800);
      chunks.push(chunk);
    }
    expect(Buffer.compare(Buffer.concat(chunks), expected)).toBe(0);
  });
});
