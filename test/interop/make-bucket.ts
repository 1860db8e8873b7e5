import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3Place } from '../peers/litestream.ts';

export async function makeBucket(server: S3Place, name: string): Promise<void> {
  const client = new S3Client({
    endpoint: server.url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey },
  });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  client.destroy();
}
