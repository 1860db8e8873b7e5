/** The machine's identity: a token from the container's own endpoint, and the account's judgement of it. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { Site } from '../../e2e/life.ts';
import { type Azurite, startAzurite } from '../../servers/azurite.ts';
import { type Certificate, makeCertificate } from '../../servers/certificate.ts';
import { startForwardProxy } from '../../servers/forward-proxy.ts';
import { azureService } from './backend.ts';
import { entraToken } from './entra.ts';

let certificate: Certificate;
let server: Azurite;
beforeAll(async () => {
  certificate = await makeCertificate('IP:127.0.0.1');
  const { certificate: cert, key } = certificate;
  server = await startAzurite(['--oauth', 'basic', '--cert', cert, '--key', key]);
});
afterAll(async () => {
  await server.stop();
  await certificate[Symbol.asyncDispose]();
});

/** What Azure puts beside a container that has a managed identity: plain HTTP, and a header that only the container knows. */
async function startIdentityEndpoint(audience: string) {
  const requests: IncomingMessage[] = [];
  const endpoint = createServer((request, response) => {
    requests.push(request);
    const answer = { access_token: entraToken({ audience }), expires_on: `${Math.floor(Date.now() / 1000) + 3600}` };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ ...answer, resource: audience, token_type: 'Bearer', client_id: 'id' }));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void endpoint.close());
  await new Promise((resolve) => endpoint.once('listening', resolve));
  const environment = {
    IDENTITY_ENDPOINT: `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/token`,
    IDENTITY_HEADER: 'known-to-the-container',
    NODE_EXTRA_CA_CERTS: certificate.certificate,
  };
  return { environment, requests };
}

const site = (container = 'identity') =>
  new Site([{ type: 'abs', container, path: 'p', endpoint: server.endpoint, 'sync-interval': '1s' }]);

it('opens the account to whoever has it, and needs no other credentials', async () => {
  const { environment } = await startIdentityEndpoint('https://storage.azure.com');
  await azureService(server, readFileSync(certificate.certificate, 'utf8')).createContainer('made');
  await using here = site('made');
  const first = await here.run(['add=3'], { environment });
  expect(first.code, first.log()).toBe(0);
  here.wipe();
  const second = await here.run(['list'], { environment });
  expect(second.code, second.log()).toBe(0);
  expect(second.seen()).toEqual(first.acknowledged());
});

it('goes through the proxy that the environment names, encrypted all the way', async () => {
  const { environment } = await startIdentityEndpoint('https://storage.azure.com');
  const proxy = await startForwardProxy('pass');
  await azureService(server, readFileSync(certificate.certificate, 'utf8')).createContainer('behind');
  await using here = site('behind');
  const life = await here.run(['add=3'], { environment: { ...environment, HTTPS_PROXY: proxy.url } });
  expect(life.code, life.log()).toBe(0);
  expect(proxy.asked).toContain(`127.0.0.1:${server.port}`);
});

it('a container that nobody made is named, with the identity at work', async () => {
  const { environment, requests } = await startIdentityEndpoint('https://storage.azure.com');
  await using here = site();
  const life = await here.run(['add=3'], { environment });
  expect(life.code).toBe(69);
  expect(life.log()).toMatch(/ContainerNotFound: .*abs:\/\/station@identity/);
  expect(requests[0]?.headers['x-identity-header']).toBe('known-to-the-container');
  expect(requests[0]?.url).toContain(encodeURIComponent('https://storage.azure.com'));
});

it('a token for something else is a refusal', async () => {
  const { environment } = await startIdentityEndpoint('https://vault.azure.net');
  await using here = site();
  const life = await here.run(['add=3'], { environment });
  expect(life.code).toBe(69);
  expect(life.log()).toMatch(/Auth\w+: .*\((list|read) on abs/);
  expect(life.log()).not.toContain('c2lnbmF0dXJl');
});
