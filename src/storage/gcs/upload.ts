import { createHash, randomUUID } from 'node:crypto';
import { readPart } from '../object-body.ts';
import type { ObjectBody, PutOptions } from '../object-store.ts';
import { CONTENT_TYPE, checkStored, conditionOf, putOperation, resourceOf, uploads } from './put.ts';
import { putInChunks } from './resumable.ts';
import type { GcsSession } from './session.ts';

/**
 * Puts one object: by one request up to the chunk size, in chunks beyond it. In memory is at most one chunk.
 *
 * A failure without an answer (reset, timeout) leaves open whether the object is there: it surfaces as
 * STORAGE_UNREACHABLE, and where it was tried again here, perhaps as STORAGE_ALREADY_EXISTS. The caller reads back.
 */
export async function upload(session: GcsSession, key: string, body: ObjectBody, options: PutOptions): Promise<void> {
  const put = body.size <= session.settings.chunkSize ? putInOne : putInChunks;
  await put(session, key, body, options);
}

/**
 * Properties and bytes in one request; with the checksum among the properties GCS refuses bytes that changed on the way.
 * @returns the generation
 */
export async function putInOne(
  session: GcsSession,
  key: string,
  body: ObjectBody,
  options: PutOptions,
  condition = conditionOf(options),
): Promise<string> {
  options.signal?.throwIfAborted();
  const content = await readPart(body, 0, body.size, Buffer.allocUnsafe(body.size), options.signal);
  const md5Hash = createHash('md5').update(content).digest('base64');
  const resource = JSON.stringify({ ...resourceOf(session, key, options), md5Hash });
  const boundary = randomUUID();
  const head = [
    `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${resource}\r\n`,
    `--${boundary}\r\ncontent-type: ${CONTENT_TYPE}\r\n\r\n`,
  ].join('');
  const operation = putOperation(session, key);
  const { text } = await session.ask(
    {
      method: 'POST',
      address: uploads(session),
      query: { uploadType: 'multipart', ...condition },
      headers: { 'content-type': `multipart/related; boundary=${boundary}` },
      body: [Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)],
    },
    operation,
    options.signal,
  );
  return checkStored(text, body, operation);
}
