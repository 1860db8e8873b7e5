import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openStore, type StoreSettings } from '../../../src/storage/open-store.ts';
import { makeCertificate } from '../../servers/certificate.ts';
import { startForwardProxy } from '../../servers/forward-proxy.ts';
import { createOnly, hasty, impatient, text } from '../impatient.ts';
import { gcsOptions } from './backend.ts';
import { started } from './started.ts';

afterEach(() => vi.unstubAllEnvs());

async function startNamedProxy(mode: 'pass' | 'hang') {
  const { url, asked } = await startForwardProxy(mode);
  vi.stubEnv('HTTP_PROXY', url);
  vi.stubEnv('HTTPS_PROXY', url);
  return asked;
}

/** A store that asks without credentials, so that what is seen is the way to the store alone. */
async function anonymous(emulator: string, settings: StoreSettings = impatient) {
  vi.stubEnv('STORAGE_EMULATOR_HOST', emulator);
  const options = gcsOptions({ url: '', serviceAccountKey: '' }, { endpoint: undefined, credentials: undefined });
  const store = await openStore(options, settings);
  onTestFinished(() => store.close());
  return store;
}

describe('a proxy that the environment names', () => {
  it('carries every request', async () => {
    const { server, keys } = await started({}, {}, { allowAnonymous: true });
    const asked = await startNamedProxy('pass');
    await (await anonymous(server.url)).put('a', text('x'), createOnly);
    expect(asked.filter((url) => url.startsWith(server.url))).toHaveLength(1);
    expect(keys()).toEqual(['root/a']);
  });

  it.each(['http', 'https'])('and that hangs does not hang us (%s)', async (scheme) => {
    const asked = await startNamedProxy('hang');
    const store = await anonymous(`${scheme}://127.0.0.1:9`, { ...impatient, ...hasty });
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({
      code: 'STORAGE_UNREACHABLE',
      message: expect.stringMatching(/^E\w+: /),
    });
    expect(asked).not.toEqual([]);
  });

  it('is passed by where NO_PROXY says so', async () => {
    const { server } = await started({}, {}, { allowAnonymous: true });
    const asked = await startNamedProxy('hang');
    vi.stubEnv('NO_PROXY', '127.0.0.1');
    await (await anonymous(server.url)).put('a', text('x'), createOnly);
    expect(asked).toEqual([]);
  });
});

it('over TLS, an authority that nobody knows is told', async () => {
  await using made = await makeCertificate('IP:127.0.0.1');
  const credentials = { cert: readFileSync(made.certificate), key: readFileSync(made.key) };
  const server = createServer(credentials).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const store = await anonymous(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({
    code: 'STORAGE_UNREACHABLE',
    hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
  });
});
