import { generateKeyPairSync } from 'node:crypto';
import type { GcsStoreSettings } from '../../src/storage/gcs-settings.ts';
import { openStore } from '../../src/storage/open-store.ts';
import type { GcsStoreOptions } from '../../src/storage/store-options.ts';
import type { GcsServer } from '../servers/gcs-server.ts';
import type { Backend } from './conformance.ts';

type Place = Pick<GcsServer, 'url' | 'serviceAccountKey'>;

export function gcsOptions(server: Place, changes: Partial<GcsStoreOptions> = {}): GcsStoreOptions {
  return {
    type: 'gs',
    bucket: 'bucket',
    path: 'root',
    endpoint: server.url,
    credentials: { kind: 'json', json: server.serviceAccountKey },
    ...changes,
  };
}

/** The same account, with a key that Google does not know. */
function withAnotherKey(serviceAccountKey: string): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return JSON.stringify({ ...JSON.parse(serviceAccountKey), private_key: key });
}

/** A backend of the conformance suite on our GCS server, in a bucket made for it. */
export function gcsBackend(server: GcsServer, settings: Partial<GcsStoreSettings> = {}): Backend {
  const bucket = `conformance-${Date.now()}`;
  server.createBucket(bucket);
  const open = (changes: Partial<GcsStoreOptions>) => openStore(gcsOptions(server, { bucket, ...changes }), settings);
  const wrongKey = withAnotherKey(server.serviceAccountKey);
  return {
    open: (path) => open({ path }),
    openWrong: {
      bucket: () => open({ bucket: 'there-is-no-such-bucket' }),
      secret: () => open({ credentials: { kind: 'json', json: wrongKey } }),
    },
    words: { bucket: 'notFound', secret: 'invalid_grant' },
    timestampOf: async (path, key) => {
      const found = server.objects(bucket).find((object) => object.name === `${path}/${key}`);
      return Date.parse(found?.metadata?.['litestream-timestamp'] ?? '');
    },
    emptyRoot: true,
    stop: () => server.stop(),
  };
}
