import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openStore } from '../../../src/storage/open-store.ts';
import { type Azurite, startAzurite } from '../../servers/azurite.ts';
import { startForwardProxy } from '../../servers/forward-proxy.ts';
import { createOnly, hasty, impatient, text } from '../impatient.ts';
import { azureOptions } from './backend.ts';
import { started } from './started.ts';

let server: Azurite;
beforeAll(async () => {
  server = await startAzurite();
});
afterAll(() => server.stop());
afterEach(() => vi.unstubAllEnvs());

async function startNamedProxy(mode: 'pass' | 'hang') {
  const { url, asked } = await startForwardProxy(mode);
  vi.stubEnv('HTTP_PROXY', url);
  vi.stubEnv('HTTPS_PROXY', url);
  return asked;
}

describe('a proxy that the environment names', () => {
  it('carries every request', async () => {
    const asked = await startNamedProxy('pass');
    const { store, keys, network } = await started(server);
    await store.put('a', text('x'), createOnly);
    expect(asked.filter((url) => url.startsWith(network.url))).toHaveLength(1);
    expect(await keys()).toEqual(['root/a']);
  });

  it.each(['http', 'https'])('and that hangs does not hang us (%s)', async (scheme) => {
    const asked = await startNamedProxy('hang');
    const store = await openStore(azureOptions(server, { endpoint: `${scheme}://127.0.0.1:9/account` }), {
      ...impatient,
      ...hasty,
    });
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({
      code: 'STORAGE_UNREACHABLE',
      message: expect.stringMatching(/^E\w+: /),
    });
    expect(asked).not.toEqual([]);
    await store.close();
  });

  it('is passed by where NO_PROXY says so', async () => {
    const asked = await startNamedProxy('hang');
    vi.stubEnv('NO_PROXY', '127.0.0.1');
    const store = await openStore(azureOptions(server, { container: 'nowhere' }), impatient);
    await expect(Array.fromAsync(store.list(''))).rejects.toThrow(/^ContainerNotFound: /);
    expect(asked).toEqual([]);
    await store.close();
  });
});
