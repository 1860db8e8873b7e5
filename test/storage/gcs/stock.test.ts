/** Stock Litestream's VFS reads, by Google's Go client, what we wrote to Google Cloud Storage. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { findVfs, hydrate } from '../../peers/litestream-vfs.ts';
import { History } from '../../restore/replica-builder.ts';
import { CHUNK } from '../impatient.ts';
import { started } from './started.ts';

const vfs = findVfs();

it.for(['station', 'deep/er path'])('a replica under %j, of one upload and of many chunks', async (path, { skip }) => {
  skip(vfs.kind === 'missing', 'no stock Litestream here');
  const { server, store } = await started({ path }, {}, { allowAnonymous: true });
  const history = new History();
  onTestFinished(() => history.close());
  history
    .grow(3)
    .grow(1, 4 * CHUNK)
    .grow(3);
  await history.putLevel0(store);
  expect(server.requests.some(({ operation }) => operation === 'StartUpload')).toBe(true);

  const folder = mkdtempSync(join(tmpdir(), 'gcs-stock-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const output = join(folder, 'restored.db');
  await hydrate({ url: `gs://bucket/${path}`, environment: { STORAGE_EMULATOR_HOST: server.url } }, output);
  expect(readFileSync(output).equals(history.state(history.newest))).toBe(true);
});
