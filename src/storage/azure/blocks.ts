import { randomUUID } from 'node:crypto';
import { putEachPart } from '../body-parts.ts';
import type { ObjectBody, PutOptions } from '../object-store.ts';
import type { AzureOperation } from './errors.ts';
import { checkStored, propertiesOf, putOperation } from './put.ts';
import type { AzureSession } from './session.ts';

const MOST_BLOCKS = 50_000;

/**
 * Puts one blob block by block, `concurrency` of them at a time; its condition is checked when they are put together.
 * Blocks of an upload that failed are seen by nobody, and Azure drops them after a week or with the next put of that
 * key; there is no request that would do it sooner.
 */
export async function putInBlocks(
  session: AzureSession,
  key: string,
  body: ObjectBody,
  options: PutOptions,
): Promise<void> {
  const operation = putOperation(session, key, options);
  const blocks = await stageBlocks(session, key, operation, body, options.signal);
  const { etag } = await session.send(
    (client, abort) =>
      client.getBlockBlobClient(session.root + key).commitBlockList(blocks, { ...propertiesOf(options), ...abort }),
    operation,
    options.signal,
  );
  checkStored(etag, operation);
}

/** The ids of the blocks, in order. The first block that fails stops the others. */
async function stageBlocks(
  session: AzureSession,
  key: string,
  operation: AzureOperation,
  body: ObjectBody,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const upload = randomUUID();
  const limits = { ...session.settings, mostParts: MOST_BLOCKS };
  return await putEachPart(body, limits, signal, async (index, content, either) => {
    const id = blockId(upload, index);
    await session.send(
      (client, abort) =>
        client.getBlockBlobClient(session.root + key).stageBlock(id, content, content.byteLength, abort),
      operation,
      either,
    );
    return id;
  });
}

/** Two uploads of one key share its blocks, so each has ids that nobody else has; all must be of one length. */
function blockId(upload: string, index: number): string {
  return Buffer.from(`${upload}-${String(index).padStart(5, '0')}`).toString('base64');
}
