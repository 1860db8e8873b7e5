import { CreateBucketCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { openStore } from '../../../src/storage/open-store.ts';
import type { S3StoreSettings } from '../../../src/storage/s3/settings.ts';
import type { S3StoreOptions } from '../../../src/storage/store-options.ts';
import { startHttpFaultProxy } from '../../servers/http-fault-proxy.ts';
import { S3Refusal } from '../../servers/s3-refusal.ts';
import type { RemoteBackend } from '../conformance.ts';
import type { Wire } from '../conformance-faults.ts';

export interface S3Server {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export function s3Options(server: S3Server, changes: Partial<S3StoreOptions> = {}): S3StoreOptions {
  return {
    type: 's3',
    bucket: 'bucket',
    path: 'root',
    endpoint: server.url,
    region: undefined,
    forcePathStyle: undefined,
    credentials: {
      accessKeyId: server.accessKeyId,
      secretAccessKey: server.secretAccessKey,
      sessionToken: undefined,
    },
    skipVerify: false,
    signPayload: undefined,
    storageClass: undefined,
    serverSideEncryption: undefined,
    partSize: undefined,
    concurrency: undefined,
    ...changes,
  };
}

/** A backend of the conformance suite on any S3 server, in a bucket made for it. */
export async function s3Backend(
  server: S3Server,
  life: { readonly stop: () => Promise<void> },
  settings: Partial<S3StoreSettings> = {},
): Promise<RemoteBackend> {
  const bucket = `conformance-${Date.now()}`;
  const { accessKeyId, secretAccessKey } = server;
  const client = new S3Client({
    endpoint: server.url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const open = (changes: Partial<S3StoreOptions>) => openStore(s3Options(server, { bucket, ...changes }), settings);
  const credentials = { accessKeyId, secretAccessKey, sessionToken: undefined };
  return {
    open: (path) => open({ path }),
    openWrong: {
      bucket: () => open({ bucket: 'there-is-no-such-bucket' }),
      secret: () => open({ credentials: { ...credentials, secretAccessKey: 'wrong' } }),
      accessKey: () => open({ credentials: { ...credentials, accessKeyId: 'unknown' } }),
    },
    timestampOf: async (path, key) => {
      const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: `${path}/${key}` }));
      return Date.parse(head.Metadata?.['litestream-timestamp'] ?? '');
    },
    emptyRoot: true,
    wire: await wireTo(server, bucket),
    versionsByContent: true,
    stop: async () => {
      client.destroy();
      await life.stop();
    },
  };
}

async function wireTo(server: S3Server, bucket: string): Promise<Wire> {
  const proxy = await startHttpFaultProxy(Number(new URL(server.url).port));
  return {
    proxy,
    open: (path, settings) => openStore(s3Options(server, { bucket, endpoint: proxy.url, path }), settings),
    refusal: (status, word) => {
      const { body } = new S3Refusal(status, word, 'A fault on demand');
      return { status, headers: { 'content-type': 'application/xml' }, body };
    },
    words: {
      busy: [
        [503, 'SlowDown'],
        [503, 'ServiceUnavailable'],
        [429, 'TooManyRequests'],
      ],
      internal: [500, 'InternalError'],
      expired: [400, 'ExpiredToken'],
    },
    // The SDK learns the server's time from its refusal.
    clock: { ahead: 'corrected', behind: 'corrected' },
  };
}
