import { onTestFinished } from 'vitest';
import type { GcsStoreSettings } from '../../../src/storage/gcs/settings.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import type { GcsStoreOptions } from '../../../src/storage/store-options.ts';
import { type GcsServerOptions, startGcsServer } from '../../servers/gcs-server.ts';
import { impatient } from '../impatient.ts';
import { gcsOptions } from './backend.ts';

/** A store on a server of its own, which wastes no time on waiting; both end with the test. */
export async function started(
  options: Partial<GcsStoreOptions> = {},
  settings: Partial<GcsStoreSettings> = {},
  serverOptions: GcsServerOptions = {},
) {
  const server = await startGcsServer({ buckets: ['bucket'], ...serverOptions });
  const store = await openStore(gcsOptions(server, options), { ...impatient, ...settings });
  onTestFinished(async () => {
    await store.close();
    await server.stop();
  });
  const operations = () => server.requests.map((request) => request.operation);
  return { server, store, operations, keys: () => server.objects('bucket').map((object) => object.name) };
}
