/** Old backups on every cloud, through its own store: the same objects, with the times and listings of that cloud. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { generationOf } from '../../../src/restore/legacy/legacy-key.ts';
import { bodyFromBytes } from '../../../src/storage/object-body.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import { age, copyFixture, type FixtureName } from '../../fixtures/litestream-backups.ts';
import { type Cloud, cloudNames, startCloud } from '../../servers/clouds.ts';
import { createSite, type Site } from '../site.ts';

let site: Site;
beforeEach(() => {
  site = createSite();
});
afterEach(() => site.remove());

describe.each(cloudNames)('on %s', (name) => {
  let cloud: Cloud;
  beforeAll(async () => {
    cloud = await startCloud(name);
  });
  afterAll(() => cloud.stop());

  test.each<FixtureName>(['litestream-0.3', 'litestream-0.3-age'])(
    '%s is restored to its newest state',
    async (which) => {
      const folder = join(site.folder, 'old');
      const fixture = copyFixture(which, folder);
      const plain = await openStore(cloud.store(which));
      // Objects are put in the order in which they were written.
      const keys = Object.entries(fixture.times)
        .sort((a, b) => a[1] - b[1])
        .map(([key]) => key);
      let generation = generationOf(keys[0] ?? '');
      for (const key of keys) {
        // Azure tells times in whole seconds.
        if (generationOf(key) !== generation) await pause(1_100);
        generation = generationOf(key);
        await plain.put(key, bodyFromBytes(readFileSync(join(folder, key))), { createOnly: true });
      }
      await plain.close();
      const keyring = { ...age, where: 'litestream.yml' };
      const store: ObjectStore = await openStore({
        ...cloud.store(which),
        ...(which.endsWith('age') && { age: keyring }),
      });
      try {
        const outcome = await site.restore([{ name, store }]);
        expect(createHash('sha256').update(site.database()).digest('hex')).toBe(fixture.newest);
        expect(outcome.fellBack).toEqual([]);
      } finally {
        await store.close();
      }
    },
  );
});
