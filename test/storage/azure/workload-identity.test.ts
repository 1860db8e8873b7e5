/** A workload's federated identity, and what becomes of credentials that expire. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { milliseconds } from '../../../src/quantities.ts';
import { openStore, type StoreSettings } from '../../../src/storage/open-store.ts';
import { type Azurite, startAzurite } from '../../servers/azurite.ts';
import { type Certificate, makeCertificate } from '../../servers/certificate.ts';
import { createOnly, impatient, text } from '../impatient.ts';
import { azureOptions, azureService } from './backend.ts';
import { CLIENT_ID, type EntraAuthority, entraToken, startEntraAuthority, TENANT } from './entra.ts';

const trusted = tls.getCACertificates();
let certificate: Certificate;
let server: Azurite;
let authority: EntraAuthority;
beforeAll(async () => {
  certificate = await makeCertificate('IP:127.0.0.1');
  const { certificate: cert, key } = certificate;
  tls.setDefaultCACertificates([...trusted, readFileSync(cert, 'utf8')]);
  server = await startAzurite(['--oauth', 'basic', '--cert', cert, '--key', key]);
  await azureService(server, readFileSync(cert, 'utf8')).createContainer('container');
});
afterAll(async () => {
  tls.setDefaultCACertificates(trusted);
  await server.stop();
  await certificate[Symbol.asyncDispose]();
});
beforeEach(async () => {
  authority = await startEntraAuthority({
    cert: readFileSync(certificate.certificate),
    key: readFileSync(certificate.key),
  });
});
afterEach(() => {
  authority.stop();
  vi.unstubAllEnvs();
});

async function opened(settings: StoreSettings = {}) {
  const store = await openStore(azureOptions(server, { credentials: undefined }), { ...impatient, ...settings });
  onTestFinished(() => store.close());
  return store;
}

/** What the webhook of AKS puts into a pod. */
function asPod(federatedToken: string): void {
  const path = join(dirname(certificate.key), 'federated-token');
  writeFileSync(path, federatedToken);
  vi.stubEnv('AZURE_AUTHORITY_HOST', authority.url);
  vi.stubEnv('AZURE_TENANT_ID', TENANT);
  vi.stubEnv('AZURE_CLIENT_ID', CLIENT_ID);
  vi.stubEnv('AZURE_FEDERATED_TOKEN_FILE', path);
}

it('a federated workload is let in by its authority, which alone is asked', async () => {
  asPod('of-the-cluster');
  authority.federatedTokens.add('of-the-cluster');
  const store = await opened();
  await store.put('workload/a', text('x'), createOnly);
  await store.put('workload/b', text('x'), createOnly);
  expect(authority.asked.filter((path) => path.endsWith('/token'))).toHaveLength(1);
});

it('one that is refused says so in Microsoft’s words, and the same store works when it is let in', async () => {
  asPod('of-the-cluster');
  const store = await opened();
  await expect(store.put('recovered', text('x'), createOnly)).rejects.toMatchObject({
    code: 'STORAGE_DENIED',
    message: expect.stringContaining('AADSTS700024'),
    hint: expect.stringContaining('AZURE_CLIENT_ID'),
  });
  authority.federatedTokens.add('of-the-cluster');
  await store.put('recovered', text('x'), createOnly);
});

it('an access token that ends is replaced by a new one, unseen', async () => {
  asPod('of-the-cluster');
  authority.federatedTokens.add('of-the-cluster');
  authority.lifetime = 1;
  const store = await opened();
  const tokens = () => authority.asked.filter((path) => path.endsWith('/token')).length;
  const written = async () => {
    await store.put(`renewed/${Date.now()}`, text('x'), createOnly);
    return tokens();
  };
  await expect.poll(written, { timeout: 20_000, interval: 500 }).toBeGreaterThan(2);
});

it.each([
  ['cannot be reached', (it: EntraAuthority) => it.stop(), /^endpoints_resolution_error: /, 20_000],
  ['hangs', (it: EntraAuthority) => it.hang(), /^ETIMEDOUT: /, 500],
])('an authority that %s is no refusal: it is waited for', async (_, spoil, message, patience) => {
  asPod('of-the-cluster');
  authority.federatedTokens.add('of-the-cluster');
  spoil(authority);
  const store = await opened({ attempts: 1, idleTimeout: milliseconds(patience) });
  await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({
    code: 'STORAGE_UNREACHABLE',
    message: expect.stringMatching(message),
  });
});

it('a machine’s token that has expired is a refusal, and the same store works when it is given a good one', async () => {
  const given = { lifetime: -60 };
  const endpoint = createServer((_request, response) => {
    const token = { access_token: entraToken(given), expires_on: `${Math.floor(Date.now() / 1_000) + 1}` };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ ...token, resource: 'https://storage.azure.com', token_type: 'Bearer' }));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void endpoint.close());
  await new Promise((resolve) => endpoint.once('listening', resolve));
  vi.stubEnv('IDENTITY_ENDPOINT', `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/token`);
  vi.stubEnv('IDENTITY_HEADER', 'known-to-the-container');
  const store = await opened();
  await expect(store.put('machine', text('x'), createOnly)).rejects.toMatchObject({
    code: 'STORAGE_DENIED',
    message: expect.stringMatching(/^AuthenticationFailed: /),
    hint: expect.stringContaining('expired'),
  });
  given.lifetime = 3_600;
  const stored = () => store.put('machine', text('x'), createOnly).then(() => 'stored', String);
  await expect.poll(stored, { timeout: 20_000, interval: 500 }).toBe('stored');
});
