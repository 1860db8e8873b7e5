import { generateKeyPairSync } from 'node:crypto';
import type { GcsStoreSettings } from '../../../src/storage/gcs/settings.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import type { GcsStoreOptions } from '../../../src/storage/store-options.ts';
import { GcsRefusal } from '../../servers/gcs-refusal.ts';
import type { GcsServer } from '../../servers/gcs-server.ts';
import { startHttpFaultProxy } from '../../servers/http-fault-proxy.ts';
import type { RemoteBackend } from '../conformance.ts';
import type { Wire } from '../conformance-faults.ts';

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
export async function gcsBackend(server: GcsServer, settings: Partial<GcsStoreSettings> = {}): Promise<RemoteBackend> {
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
    wire: await wireTo(server, bucket),
    stop: () => server.stop(),
  };
}

async function wireTo(server: GcsServer, bucket: string): Promise<Wire> {
  const proxy = await startHttpFaultProxy(server.port);
  return {
    proxy,
    // Tokens come past the proxy, as they come from another host.
    open: (path, settings) => openStore(gcsOptions(server, { bucket, endpoint: proxy.url, path }), settings),
    refusal: (status, word) => {
      const { body } = new GcsRefusal(status, word, 'A fault on demand');
      return { status, headers: { 'content-type': 'application/json' }, body };
    },
    words: {
      busy: [
        [429, 'rateLimitExceeded'],
        [503, 'somethingNew'],
      ],
      internal: [500, 'internalError'],
      expired: [401, 'authError'],
    },
    // A token is asked for by a signed paper that says from when to when it holds: an hour, which has begun.
    clock: { ahead: { refusedAs: 'invalid_grant' }, behind: 'unnoticed' },
  };
}
