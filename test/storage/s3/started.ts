import { onTestFinished } from 'vitest';
import { openStore } from '../../../src/storage/open-store.ts';
import type { S3StoreSettings } from '../../../src/storage/s3/settings.ts';
import type { S3StoreOptions } from '../../../src/storage/store-options.ts';
import { type S3ServerOptions, startS3Server } from '../../servers/s3-server.ts';
import { impatient } from '../impatient.ts';
import { s3Options } from './backend.ts';

/** A store on a server of its own, which wastes no time on waiting; both end with the test. */
export async function started(
  options: Partial<S3StoreOptions> = {},
  settings: Partial<S3StoreSettings> = {},
  serverOptions: S3ServerOptions = {},
) {
  const server = await startS3Server({ buckets: ['bucket'], minimumPartSize: 1, ...serverOptions });
  const store = await openStore(s3Options(server, options), { ...impatient, ...settings });
  onTestFinished(async () => {
    await store.close();
    await server.stop();
  });
  const operations = () => server.requests.map((request) => request.operation);
  return { server, store, operations, keys: () => server.objects('bucket').map((object) => object.key) };
}
