import { setTimeout as pause } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type StorageClass,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { isStationError, StationError } from '../errors.ts';
import { readBody } from './object-body.ts';
import type { ObjectBody, PutOptions } from './object-store.ts';
import { customerKeyOf, encryptionOf } from './s3-encryption.ts';
import type { S3Operation } from './s3-errors.ts';
import { wordOf } from './s3-errors.ts';
import type { S3Session } from './s3-session.ts';

const MOST_PARTS = 10_000;
const CONFLICT_ATTEMPTS = 5;
const ABORT_TIMEOUT = 5_000;

/**
 * Puts one object: in one request up to the part size, in parts beyond it. In memory are at most `concurrency` parts.
 *
 * A failure without an answer (reset, timeout) leaves open whether the object is there: it surfaces as
 * STORAGE_UNREACHABLE, and where the SDK tried again by itself, perhaps as STORAGE_ALREADY_EXISTS. The caller reads back.
 */
export async function upload(session: S3Session, key: string, body: ObjectBody, options: PutOptions): Promise<void> {
  const once = body.size <= session.settings.partSize ? putInOne : putInParts;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(session, key, body, options);
    } catch (error) {
      if (!isConflict(error) || attempt === CONFLICT_ATTEMPTS) throw error;
      await pause(50 * 2 ** attempt, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
  }
}

/** Two conditional writes of one key met; S3 says to try again, which tells who was first. */
function isConflict(error: unknown): boolean {
  return isStationError(error, 'STORAGE_THROTTLED') && wordOf(error.cause) === 'ConditionalRequestConflict';
}

function operationOf(session: S3Session, key: string): S3Operation {
  return { permission: 's3:PutObject', url: `s3://${session.options.bucket}/${session.fullKey(key)}` };
}

/** What the object will be, beside its bytes: said where it is made, by the first request in either way. */
function propertiesOf(session: S3Session, options: PutOptions) {
  const { storageClass } = session.options;
  return {
    ...encryptionOf(session.options),
    ...customerKeyOf(session.options),
    ...(storageClass === undefined ? {} : { StorageClass: storageClass as StorageClass }),
    ...(options.timestamp === undefined
      ? {}
      : { Metadata: { 'litestream-timestamp': new Date(options.timestamp).toISOString() } }),
  };
}

const conditionOf = (options: PutOptions) => (options.createOnly ? { IfNoneMatch: '*' } : {});

async function putInOne(session: S3Session, key: string, body: ObjectBody, options: PutOptions): Promise<void> {
  const content = await readPart(body, 0, body.size, Buffer.allocUnsafe(body.size), options.signal);
  const command = new PutObjectCommand({
    Bucket: session.options.bucket,
    Key: session.fullKey(key),
    Body: content,
    ...propertiesOf(session, options),
    ...conditionOf(options),
  });
  const operation = operationOf(session, key);
  const { ETag } = await session.send((client, abort) => client.send(command, abort), operation, options.signal);
  checkStored(ETag, operation);
}

/** Whatever else answers 200 to anything (a login page, a console's port) has stored nothing. */
function checkStored(etag: string | undefined, operation: S3Operation): void {
  if (etag !== undefined) return;
  throw new StationError('STORAGE_BROKEN', `the endpoint answers, but not as S3 does: no ETag for ${operation.url}`, {
    hint: 'check the endpoint: its host, its port, and what stands before it',
  });
}

async function putInParts(session: S3Session, key: string, body: ObjectBody, options: PutOptions): Promise<void> {
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
  const partSize = Math.max(session.settings.partSize, Math.ceil(body.size / MOST_PARTS));
  const count = Math.ceil(body.size / partSize);
  const stop = new AbortController();
  const either = AbortSignal.any(signal === undefined ? [stop.signal] : [stop.signal, signal]);
  const parts: CompletedPart[] = [];
  let next = 0;
  const worker = async () => {
    // One buffer for all parts of a worker: fresh ones would pile up until the collector comes round.
    const buffer = Buffer.allocUnsafe(partSize);
    for (let index = next++; index < count; index = next++) {
      const end = Math.min(body.size, (index + 1) * partSize);
      const content = await readPart(body, index * partSize, end, buffer, either);
      const part = new UploadPartCommand({
        ...multipart,
        PartNumber: index + 1,
        Body: content,
        ...customerKeyOf(session.options),
      });
      const done = await session.send((client, abort) => client.send(part, abort), operation, either);
      parts[index] = { ...checksumsOf(done), PartNumber: index + 1, ETag: done.ETag };
    }
  };
  const workers = Array.from({ length: Math.min(session.settings.concurrency, count) }, () =>
    worker().catch((error: unknown) => {
      stop.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(workers);
  either.throwIfAborted();
  return parts;
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

/** Fills `buffer` from its start; the part of it that was filled. */
async function readPart(
  body: ObjectBody,
  start: number,
  end: number,
  buffer: Buffer,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  let filled = 0;
  for await (const chunk of readBody(body, { start, end })) {
    signal?.throwIfAborted();
    buffer.set(chunk, filled);
    filled += chunk.byteLength;
  }
  return buffer.subarray(0, filled);
}
