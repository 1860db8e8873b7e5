import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { StationError } from '../../errors.ts';
import { putEachPart } from '../body-parts.ts';
import type { ObjectBody, PutOptions } from '../object-store.ts';
import { customerKeyOf } from './encryption.ts';
import type { S3Operation } from './errors.ts';
import { checkStored, conditionOf, operationOf, propertiesOf } from './put.ts';
import type { S3Session } from './session.ts';

const ABORT_TIMEOUT = 5_000;

/** Puts one object part by part, `concurrency` of them at a time; its condition is checked when they are put together. */
export async function putInParts(
  session: S3Session,
  key: string,
  body: ObjectBody,
  options: PutOptions,
): Promise<void> {
  const target = { Bucket: session.options.bucket, Key: session.fullKey(key) };
  const operation = operationOf(session, key);
  const create = new CreateMultipartUploadCommand({ ...target, ...propertiesOf(session, options) });
  const { UploadId } = await session.send((client, abort) => client.send(create, abort), operation, options.signal);
  if (UploadId === undefined) throw new StationError('STORAGE_BROKEN', `no upload id for ${operation.url}`);
  const multipart: Multipart = { ...target, UploadId };
  try {
    const parts = await putParts(session, multipart, operation, body, options.signal);
    const complete = new CompleteMultipartUploadCommand({
      ...multipart,
      MultipartUpload: { Parts: parts },
      ...conditionOf(options),
      ...customerKeyOf(session.options),
    });
    const { ETag } = await session.send((client, abort) => client.send(complete, abort), operation, options.signal);
    checkStored(ETag, operation);
  } catch (error) {
    await abandon(session, multipart, operation);
    throw error;
  }
}

interface Multipart {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
}

/** The first part that fails stops the others. */
async function putParts(
  session: S3Session,
  multipart: Multipart,
  operation: S3Operation,
  body: ObjectBody,
  signal: AbortSignal | undefined,
): Promise<CompletedPart[]> {
  const { mostParts } = session.endpoint.provider;
  return await putEachPart(body, { ...session.settings, mostParts }, signal, async (index, content, either) => {
    const part = new UploadPartCommand({
      ...multipart,
      PartNumber: index + 1,
      Body: content,
      ...customerKeyOf(session.options),
    });
    const done = await session.send((client, abort) => client.send(part, abort), operation, either);
    return { ...checksumsOf(done), PartNumber: index + 1, ETag: done.ETag };
  });
}

/** AWS wants the checksums it gave for the parts when they are put together. */
function checksumsOf(part: {
  readonly ChecksumCRC32?: string | undefined;
  readonly ChecksumCRC64NVME?: string | undefined;
}) {
  return {
    ...(part.ChecksumCRC32 === undefined ? {} : { ChecksumCRC32: part.ChecksumCRC32 }),
    ...(part.ChecksumCRC64NVME === undefined ? {} : { ChecksumCRC64NVME: part.ChecksumCRC64NVME }),
  };
}

/**
 * Parts that are never put together cost money. What went wrong before is what counts, so a failure here is not
 * reported over it; what stays behind is what a bucket's AbortIncompleteMultipartUpload rule is for.
 */
async function abandon(session: S3Session, multipart: Multipart, operation: S3Operation): Promise<void> {
  const command = new AbortMultipartUploadCommand(multipart);
  const limit = AbortSignal.timeout(ABORT_TIMEOUT);
  await session.send((client, abort) => client.send(command, abort), operation, limit).catch(() => {});
}
