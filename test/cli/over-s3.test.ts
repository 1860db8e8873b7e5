/** The same verbs over S3, where names and times are the store's and not a folder's. */
import { expect, it } from 'vitest';
import { Site } from '../e2e/life.ts';
import { s3Replica, startStore } from '../e2e/s3-site.ts';
import { runVerb } from './run-verb.ts';

it('syncs, lists, tells and verifies a replica on S3', async () => {
  await using store = await startStore();
  await using site = new Site([s3Replica(store, store.url)]);
  const life = site.start(['add=3', 'forever']);
  await life.waitFor(/^waiting$/m);
  const json = async (...words: string[]) => {
    const { output, status, errors } = await runVerb([...words, '-config', site.config, '-json']);
    expect(status, errors || output).toBe(0);
    return JSON.parse(output);
  };
  const { txid } = await json('sync', site.database);
  const held = txid.toString(16).padStart(16, '0');
  expect(await json('ltx')).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ level: 0, max_txid: held, key: expect.stringMatching(/^0000\//) }),
    ]),
  );
  expect(await json('status')).toMatchObject([
    { local_txid: held, replicas: [{ status: 'in-sync', remote_txid: held }] },
  ]);
  expect(await json('verify')).toMatchObject([{ sound: true, comparison: { result: 'equal', txid: held } }]);
  life.end();
});
