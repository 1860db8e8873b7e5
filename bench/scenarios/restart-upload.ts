import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { S3Server } from '../../test/servers/s3-server.ts';
import type { Contender, Place } from '../contender.ts';

/**
 * Bytes put into the bucket after the disk was lost: restore, start, one second, stop, with nothing written. Litestream
 * does not restore by itself, so its own restore runs before it, as in its guide.
 */
export async function restartUpload(contender: Contender, place: Place, server: S3Server): Promise<number> {
  rmSync(dirname(place.database), { recursive: true, force: true });
  if (contender.name === 'litestream') {
    const [code] = await once(contender.restore(place, place.database), 'exit');
    if (code !== 0 || !existsSync(place.database)) throw new Error('litestream did not restore');
  }
  const before = server.requests.length;
  const child = contender.run(place, ['sh', '-c', 'sleep 3']);
  await once(child, 'exit');
  return server.requests
    .slice(before)
    .filter((request) => request.method === 'PUT' || request.method === 'POST')
    .reduce((sum, request) => sum + Number(request.headers['content-length'] ?? 0), 0);
}
