/** Whole lives of the program on a GCS replica; after each, our restore and stock Litestream's agree bit for bit. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { Site } from '../../e2e/life.ts';
import { expectAgreement, type Peers } from '../../interop/agreement.ts';
import { live, livesOf } from '../../interop/history.ts';
import { getLitestream } from '../../peers/litestream.ts';
import { findVfs } from '../../peers/litestream-vfs.ts';
import { startGcsServer } from '../../servers/gcs-server.ts';

let peers: Peers;
beforeAll(async () => {
  peers = { binary: await getLitestream(), vfs: findVfs() };
}, 180_000);

it('growth, a lost disk, deletes, VACUUM', async () => {
  const server = await startGcsServer({ buckets: ['bucket'], allowAnonymous: true });
  const folder = mkdtempSync(join(tmpdir(), 'gcs-life-'));
  onTestFinished(async () => {
    rmSync(folder, { recursive: true, force: true });
    await server.stop();
  });
  const keyFile = join(folder, 'key.json');
  writeFileSync(keyFile, server.serviceAccountKey);
  await using site = new Site([
    {
      type: 'gcs',
      bucket: 'bucket',
      path: 'station',
      endpoint: server.url,
      'service-account-json-path': keyFile,
      'sync-interval': '1s',
    },
  ]);
  // Peers know of the server by this variable, and ask without credentials.
  const replica = { url: 'gs://bucket/station', environment: { STORAGE_EMULATOR_HOST: server.url } };
  for (const { name, scripts, onEmptyDisk } of livesOf(4096)) {
    if (onEmptyDisk === true) site.wipe();
    await live(site, scripts, site.replicas);
    await expectAgreement(site, replica, peers, name);
  }
  expect(server.objects('bucket').every(({ name }) => /^station\/(ltx\/|lock\.json$)/.test(name))).toBe(true);
});
