import { randomUUID } from 'node:crypto';
import { readPart } from '../object-body.ts';
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
  const size = Math.max(session.settings.partSize, Math.ceil(body.size / MOST_BLOCKS));
  const count = Math.ceil(body.size / size);
  const ids = blockIds(count);
  const left = ids.entries();
  const stop = new AbortController();
  const either = AbortSignal.any(signal === undefined ? [stop.signal] : [stop.signal, signal]);
  const worker = async () => {
    // One buffer for all blocks of a worker: fresh ones would pile up until the collector comes round.
    const buffer = Buffer.allocUnsafe(size);
    for (const [index, id] of left) {
      const end = Math.min(body.size, (index + 1) * size);
      const content = await readPart(body, index * size, end, buffer, either);
      await session.send(
        (client, abort) =>
          client.getBlockBlobClient(session.root + key).stageBlock(id, content, content.byteLength, abort),
        operation,
        either,
      );
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
  return ids;
}

/** Two uploads of one key share its blocks, so each has ids that nobody else has; all must be of one length. */
function blockIds(count: number): string[] {
  const upload = randomUUID();
  return Array.from({ length: count }, (_, index) =>
    Buffer.from(`${upload}-${String(index).padStart(5, '0')}`).toString('base64'),
  );
}
