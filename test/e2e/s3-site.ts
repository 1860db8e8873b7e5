import { type S3Server, type S3ServerOptions, startS3Server } from '../servers/s3-server.ts';
import type { ReplicaSettings } from './life.ts';

/** Our S3 test server, which lives in the test's process: the program under test has one of its own. */
export async function startStore(options: S3ServerOptions = {}): Promise<S3Server & AsyncDisposable> {
  const server = await startS3Server({ buckets: ['bucket'], ...options });
  return { ...server, [Symbol.asyncDispose]: () => server.stop() };
}

export function s3Replica(server: Pick<S3Server, 'accessKeyId' | 'secretAccessKey'>, url: string): ReplicaSettings {
  return {
    name: 's3',
    type: 's3',
    bucket: 'bucket',
    path: 'station',
    endpoint: url,
    region: 'us-east-1',
    'access-key-id': server.accessKeyId,
    'secret-access-key': server.secretAccessKey,
    'force-path-style': true,
    'sync-interval': '1s',
  };
}
