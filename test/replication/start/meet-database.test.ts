import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { milliseconds } from '../../../src/quantities.ts';
import { startS3Server } from '../../servers/s3-server.ts';
import { s3Options } from '../../storage/s3/backend.ts';
import { HurriedSite } from '../support/hurried-site.ts';

test('a database of which nothing is known waits longer for what the replica holds: it may be ahead', async () => {
  const server = await startS3Server({ buckets: ['bucket'] });
  try {
    await using site = new HurriedSite(['one'], s3Options(server));
    await site.start();
    site.commit();
    await site.end();
    server.faults.add({ when: { operation: 'ListObjectsV2' }, do: { kind: 'delay', milliseconds: 700 } });
    const change = { settings: { lookTimeout: milliseconds(300), restoreTimeout: milliseconds(20_000) } };
    // Where the staging folder tells that all of it is known, the start goes on without the answer.
    await site.start(change);
    await site.end();
    rmSync(join(site.folder, 'data', '.station.db-litestream'), { recursive: true });
    await expect(site.start(change)).rejects.toMatchObject({ code: 'REPLICA_AHEAD' });
  } finally {
    await server.stop();
  }
});
