import { readPart } from '../object-body.ts';
import type { ObjectBody, PutOptions } from '../object-store.ts';
import { putInBlocks } from './blocks.ts';
import { checkStored, propertiesOf, putOperation } from './put.ts';
import type { AzureSession } from './session.ts';

/**
 * Puts one blob: in one request up to the part size, in blocks beyond it. In memory are at most `concurrency` blocks.
 *
 * A failure without an answer (reset, timeout) leaves open whether the blob is there: it surfaces as
 * STORAGE_UNREACHABLE, and where the SDK tried again by itself, perhaps as STORAGE_ALREADY_EXISTS. The caller reads back.
 */
export async function upload(session: AzureSession, key: string, body: ObjectBody, options: PutOptions): Promise<void> {
  const once = body.size <= session.settings.partSize ? putInOne : putInBlocks;
  await once(session, key, body, options);
}

async function putInOne(session: AzureSession, key: string, body: ObjectBody, options: PutOptions): Promise<void> {
  const content = await readPart(body, 0, body.size, Buffer.allocUnsafe(body.size), options.signal);
  const operation = putOperation(session, key, options);
  const { etag } = await session.send(
    (client, abort) =>
      client
        .getBlockBlobClient(session.root + key)
        .upload(content, content.byteLength, { ...propertiesOf(options), ...abort }),
    operation,
    options.signal,
  );
  checkStored(etag, operation);
}
