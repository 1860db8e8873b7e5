import { type ContainerListBlobFlatSegmentResponse, StorageResponseFormat } from '@azure/storage-blob';
import { StationError } from '../../errors.ts';
import { bytes, milliseconds } from '../../quantities.ts';
import type { ObjectInfo } from '../object-store.ts';
import type { AzureOperation } from './errors.ts';
import type { AzureSession } from './session.ts';

type Page = ContainerListBlobFlatSegmentResponse;

/** Blobs under a prefix, page by page, in key order. */
export async function* listBlobs(
  session: AzureSession,
  prefix: string,
  options: { readonly startAfter?: string; readonly signal?: AbortSignal },
): AsyncGenerator<ObjectInfo> {
  const { root } = session;
  const operation: AzureOperation = { permission: 'list', url: session.url };
  const after = options.startAfter === undefined ? undefined : root + options.startAfter;
  let token: string | undefined;
  do {
    const page = await session.send(
      (client, abort) => {
        const pages = client.listBlobsFlat({
          ...abort,
          prefix: root + prefix,
          responseFormat: StorageResponseFormat.Xml,
          ...(after === undefined ? {} : { startFrom: after }),
        });
        return firstOf(pages.byPage(token === undefined ? {} : { continuationToken: token }));
      },
      operation,
      options.signal,
    );
    checkPage(page, session);
    for (const { name, properties } of page.segment.blobItems) {
      // Azure starts at the key, not after it; a store that knows no such thing starts at the beginning.
      if (!name.startsWith(root) || name === root || (after !== undefined && name <= after)) continue;
      yield {
        key: name.slice(root.length),
        size: bytes(properties.contentLength ?? 0),
        lastModified: milliseconds(properties.lastModified.getTime()),
      };
    }
    const next = page.continuationToken === '' ? undefined : page.continuationToken;
    if (next !== undefined && next === token) {
      throw new StationError('STORAGE_BROKEN', `the list of ${session.url} is cut off without a way to go on`);
    }
    token = next;
  } while (token !== undefined);
}

async function firstOf(pages: AsyncIterableIterator<Page>): Promise<Page | undefined> {
  const { value } = await pages.next();
  return value;
}

/** A login page, a console's port: whatever else answers 200 would be an empty replica (safety rule 1). */
function checkPage(page: Page | undefined, session: AzureSession): asserts page is Page {
  if (page?.containerName !== undefined && page.containerName !== '') return;
  throw new StationError('STORAGE_BROKEN', `the endpoint of ${session.url} answers, but not as Azure does`, {
    hint: 'check the endpoint: its host, its port, and what stands before it',
  });
}
