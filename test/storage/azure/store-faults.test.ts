import { expect, it, onTestFinished } from 'vitest';
import { readAll } from '../../../src/storage/object-body.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import { startAzurite } from '../../servers/azurite.ts';
import { startHttpFaultProxy } from '../../servers/http-fault-proxy.ts';
import { createOnly, impatient, PART } from '../impatient.ts';
import { patternBody } from '../pattern-body.ts';
import { azureOptions, azureService } from './backend.ts';

it('an answer that gets lost where the blocks are put together is unreachable, and the blob is there', async () => {
  const server = await startAzurite();
  await azureService(server).createContainer('container');
  const proxy = await startHttpFaultProxy(server.port);
  const options = azureOptions(server, { endpoint: `${proxy.url}/${server.accountName}` });
  const store = await openStore(options, { ...impatient, attempts: 1 });
  onTestFinished(async () => {
    await store.close();
    await proxy.stop();
    await server.stop();
  });
  const { body } = patternBody(3 * PART);
  proxy.spoil({ kind: 'lost-answer' }, { path: /comp=blocklist/ });
  await expect(store.put('a', body, createOnly)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
  proxy.heal();
  await expect(store.put('a', body, createOnly)).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
  const expected = Buffer.concat(await Array.fromAsync(body.open()));
  expect(Buffer.compare(await readAll(store, 'a', 3 * PART), expected)).toBe(0);
});
