import { z } from 'zod';
import { StationError } from '../../errors.ts';
import { bytes, milliseconds } from '../../quantities.ts';
import type { ObjectInfo } from '../object-store.ts';
import { notGcs, parsed } from './put.ts';
import type { GcsSession } from './session.ts';

const listPage = z.object({
  kind: z.literal('storage#objects'),
  nextPageToken: z.string().optional(),
  items: z.array(z.object({ name: z.string(), size: z.string(), timeCreated: z.string() })).optional(),
});

/** Objects under a prefix, page by page, in key order. */
export async function* listObjects(
  session: GcsSession,
  prefix: string,
  options: { readonly startAfter?: string; readonly signal?: AbortSignal },
): AsyncGenerator<ObjectInfo> {
  const operation = { permission: 'storage.objects.list', url: `gs://${session.options.bucket}` } as const;
  const root = session.fullKey('');
  // The start offset is itself part of the list.
  const after = options.startAfter === undefined ? undefined : session.fullKey(options.startAfter);
  let token: string | undefined;
  do {
    const query = {
      prefix: session.fullKey(prefix),
      maxResults: '1000',
      fields: 'kind,nextPageToken,items(name,size,timeCreated)',
      ...(after === undefined ? {} : { startOffset: after }),
      ...(token === undefined ? {} : { pageToken: token }),
    };
    const answer = await session.ask({ method: 'GET', address: session.objects, query }, operation, options.signal);
    // A login page, a console's port: whatever answers 200 would else be an empty replica (safety rule 1).
    const page = listPage.safeParse(parsed(answer.text)).data;
    if (page === undefined) throw notGcs(`no list of ${session.url}`);
    for (const { name, size, timeCreated } of page.items ?? []) {
      if (name === after || !name.startsWith(root) || name === root) continue;
      yield {
        key: name.slice(root.length),
        size: bytes(Number(size)),
        lastModified: milliseconds(Date.parse(timeCreated)),
      };
    }
    if (page.nextPageToken !== undefined && page.nextPageToken === token) {
      throw new StationError('STORAGE_BROKEN', `the list of ${session.url} is cut off without a way to go on`);
    }
    token = page.nextPageToken;
  } while (token !== undefined);
}
