import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { StationError } from '../../errors.ts';
import { bytes, milliseconds } from '../../quantities.ts';
import type { ObjectInfo } from '../object-store.ts';
import type { S3Session } from './session.ts';

/** Objects under a prefix, page by page, in key order. */
export async function* listObjects(
  session: S3Session,
  prefix: string,
  options: { readonly startAfter?: string; readonly signal?: AbortSignal },
): AsyncGenerator<ObjectInfo> {
  const operation = { permission: 's3:ListBucket', url: `s3://${session.options.bucket}` } as const;
  const root = session.fullKey('');
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: session.options.bucket,
      Prefix: session.fullKey(prefix),
      ...(options.startAfter === undefined ? {} : { StartAfter: session.fullKey(options.startAfter) }),
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    const page = await session.send((client, abort) => client.send(command, abort), operation, options.signal);
    // A login page, a console's port: whatever answers 200 would else be an empty replica (safety rule 1).
    if (page.Name === undefined && page.IsTruncated === undefined) {
      throw new StationError('STORAGE_BROKEN', `${session.endpoint.url ?? 'AWS'} answers, but not as S3 does`, {
        hint: 'check the endpoint: its host, its port, and what stands before it',
      });
    }
    for (const { Key, Size, LastModified } of page.Contents ?? []) {
      if (Key === undefined || !Key.startsWith(root) || Key === root) continue;
      yield {
        key: Key.slice(root.length),
        size: bytes(Size ?? 0),
        lastModified: milliseconds(LastModified?.getTime() ?? 0),
      };
    }
    if (page.IsTruncated === true && (page.NextContinuationToken ?? token) === token) {
      throw new StationError('STORAGE_BROKEN', `the list of ${session.url} is cut off without a way to go on`);
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}
