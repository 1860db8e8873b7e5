import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAll } from '../../src/storage/object-body.ts';
import { type Azurite, startAzurite } from '../servers/azurite.ts';
import { started } from './azure-started.ts';
import { patternBody } from './conformance.ts';
import { createOnly, PART, text } from './impatient.ts';

let server: Azurite;
beforeAll(async () => {
  server = await startAzurite();
});
afterAll(() => server.stop());

const unreachable = { code: 'STORAGE_UNREACHABLE' };

describe('an answer that got lost', () => {
  const lost = { kind: 'reset', after: 0, direction: 'down' } as const;

  it('is unreachable, and the object may be there', async () => {
    const { store, network, keys } = await started(server, {}, { attempts: 1 });
    await network.set(lost);
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject(unreachable);
    expect(await keys()).toEqual(['root/a']);
  });

  it('and tried again by the SDK is "already there": only reading back tells', async () => {
    const { store, network } = await started(server);
    await network.set({ ...lost, times: 1 });
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
    expect((await readAll(store, 'a', 10)).toString()).toBe('x');
  });

  it('and where only the blocks are put together, too', async () => {
    const { store, network } = await started(server, {}, { attempts: 1 });
    await network.set({ ...lost, times: 1 });
    const put = store.put('a', patternBody(3 * PART).body, createOnly);
    await expect(put).rejects.toMatchObject(unreachable);
    await store.put('a', patternBody(3 * PART).body, createOnly);
  });
});

describe('a network that is bad', () => {
  it.each(['blackhole', 'refuse'] as const)('(%s) is unreachable, and good again when it is', async (kind) => {
    const { store, network } = await started(server);
    await store.put('a', text('x'), createOnly);
    await network.set({ kind });
    const message = expect.stringMatching(/^(ETIMEDOUT|ECONNREFUSED|ECONNRESET): /);
    await expect(store.put('b', text('x'), createOnly)).rejects.toMatchObject({ ...unreachable, message });
    await expect(Array.fromAsync(store.get('a'))).rejects.toMatchObject({ ...unreachable, message });
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ ...unreachable, message });
    await expect(store.delete(['a'])).rejects.toMatchObject({ ...unreachable, message });
    await network.set({ kind: 'pass' });
    await store.put('c', text('x'), createOnly);
  });
});

describe('a download that breaks', () => {
  // Large enough that the loss falls into the middle of the body, not into what is buffered on the way.
  const size = 4 * 1024 * 1024;
  const broken = { kind: 'reset', after: 1_000_000, direction: 'down' } as const;

  it('goes on where it stopped', async () => {
    const { store, network } = await started(server);
    const { body } = patternBody(size);
    await store.put('a', body, createOnly);
    await network.set({ ...broken, times: 2 });
    const expected = Buffer.concat(await Array.fromAsync(body.open()));
    expect(Buffer.compare(await readAll(store, 'a', size), expected)).toBe(0);
    expect(network.connections()).toBeGreaterThan(2);
  });

  it('again and again, without a byte between, is an error, never a short object', async () => {
    const { store, network } = await started(server);
    await store.put('a', patternBody(size).body, createOnly);
    await network.set({ ...broken, times: 1 });
    const read = async () => {
      for await (const _ of store.get('a')) await network.set({ kind: 'refuse' });
    };
    await expect(read()).rejects.toMatchObject(unreachable);
  });

  it('does not go on with another object', async () => {
    const { store, network } = await started(server);
    await store.put('a', patternBody(size).body, createOnly);
    const read = async () => {
      await network.set({ ...broken, times: 1 });
      let replaced = false;
      for await (const _ of store.get('a')) {
        if (!replaced) await store.put('a', patternBody(2 * PART).body, { createOnly: false });
        replaced = true;
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'STORAGE_BROKEN' });
  });

  it('may be slow, as long as something comes', async () => {
    const { store, network } = await started(server);
    await store.put('a', patternBody(PART).body, createOnly);
    await network.set({ kind: 'rate', bytesPerSecond: 60_000 });
    const before = network.connections();
    expect(await readAll(store, 'a', PART)).toHaveLength(PART);
    expect(network.connections() - before).toBeLessThanOrEqual(1);
  });
});
