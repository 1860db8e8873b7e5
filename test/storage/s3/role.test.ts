/** The machine's role: temporary credentials from the container's own endpoint, which come to an end and are replaced. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createOnly, text } from '../impatient.ts';
import { started } from './started.ts';

/** What ECS and EKS put beside a container. */
async function startRoleEndpoint(first: { readonly token: string; readonly expires: Date }) {
  let role = first;
  let asked = 0;
  const endpoint = createServer((_request, response) => {
    asked += 1;
    const credentials = { AccessKeyId: 'test', SecretAccessKey: 'testsecret', Token: role.token };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ ...credentials, Expiration: role.expires.toISOString() }));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    endpoint.close();
    vi.unstubAllEnvs();
  });
  await new Promise((resolve) => endpoint.once('listening', resolve));
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined);
  for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/dev/null');
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/role`);
  return {
    renew: (token: string) => {
      role = { token, expires: inAnHour() };
    },
    asked: () => asked,
  };
}

const inAnHour = () => new Date(Date.now() + 3_600_000);

it('opens the bucket, and is asked for once as long as its credentials last', async () => {
  const endpoint = await startRoleEndpoint({ token: 'good', expires: inAnHour() });
  const { store } = await started({ credentials: undefined }, {}, { sessionToken: 'good' });
  await store.put('a', text('x'), createOnly);
  await store.put('b', text('x'), createOnly);
  expect(endpoint.asked()).toBe(1);
});

it('whose credentials have expired is a refusal, and the same store works again when they are renewed', async () => {
  const endpoint = await startRoleEndpoint({ token: 'expired', expires: new Date(Date.now() + 1_000) });
  const { store } = await started({ credentials: undefined }, {}, { sessionToken: 'good' });
  await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
  endpoint.renew('good');
  await expect
    .poll(() => store.put('a', text('x'), createOnly).then(() => 'stored', String), { timeout: 10_000 })
    .toBe('stored');
});
