import { onTestFinished } from 'vitest';
import { openStore, type StoreSettings } from '../../../src/storage/open-store.ts';
import type { AzureStoreOptions } from '../../../src/storage/store-options.ts';
import type { Azurite } from '../../servers/azurite.ts';
import { startFaultProxy } from '../../servers/fault-proxy.ts';
import { impatient } from '../impatient.ts';
import { azureOptions, azureService } from './backend.ts';

let containers = 0;

/** A store in a container of its own, behind a network of its own, which wastes no time on waiting. */
export async function started(server: Azurite, options: Partial<AzureStoreOptions> = {}, settings: StoreSettings = {}) {
  containers += 1;
  const name = `container-${containers}`;
  const container = azureService(server).getContainerClient(name);
  await container.create();
  const network = await startFaultProxy(server.port);
  const endpoint = `${network.url}/${server.accountName}`;
  const store = await openStore(azureOptions(server, { container: name, endpoint, ...options }), {
    ...impatient,
    ...settings,
  });
  onTestFinished(async () => {
    await store.close();
    await network.stop();
  });
  const keys = async () => (await Array.fromAsync(container.listBlobsFlat())).map((blob) => blob.name);
  return { store, network, container, keys };
}
