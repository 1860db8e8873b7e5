import { setTimeout as pause } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { isStationError } from '../../errors.ts';
import { readPart } from '../object-body.ts';
import type { ObjectBody, PutOptions } from '../object-store.ts';
import { putCreateOnly } from './create-only.ts';
import { wordOf } from './errors.ts';
import { putInParts } from './multipart.ts';
import { checkStored, conditionOf, operationOf, propertiesOf } from './put.ts';
import type { S3Session } from './session.ts';

const CONFLICT_ATTEMPTS = 5;

/**
 * Puts one object: in one request up to the part size, in parts beyond it. In memory are at most `concurrency` parts.
 *
 * A failure without an answer (reset, timeout) leaves open whether the object is there: it surfaces as
 * STORAGE_UNREACHABLE, and where the SDK tried again by itself, perhaps as STORAGE_ALREADY_EXISTS. The caller reads back.
 */
export async function upload(session: S3Session, key: string, body: ObjectBody, options: PutOptions): Promise<void> {
  const put = (content: ObjectBody, how: PutOptions) => putPatiently(session, key, content, how);
  await (options.createOnly ? putCreateOnly(session, key, body, options, put) : put(body, options));
}

async function putPatiently(session: S3Session, key: string, body: ObjectBody, options: PutOptions): Promise<void> {
  const once = body.size <= session.settings.partSize ? putInOne : putInParts;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(session, key, body, options);
    } catch (error) {
      if (!isConflict(error) || attempt === CONFLICT_ATTEMPTS) throw error;
      // An abort ends the wait; the next attempt finds it, and rejects with its reason.
      const wait = options.signal === undefined ? {} : { signal: options.signal };
      await pause(50 * 2 ** attempt, undefined, wait).catch(() => {});
    }
  }
}

/** Two conditional writes of one key met; S3 says to try again, which tells who was first. */
function isConflict(error: unknown): boolean {
  return isStationError(error, 'STORAGE_THROTTLED') && wordOf(error.cause) === 'ConditionalRequestConflict';
}

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
