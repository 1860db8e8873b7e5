/** The life cycle of the README, with the sample app: write, stop, lose the disk, start again. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkout, type Life, node, Site } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

const sampleApp = [node, join(checkout, 'examples', 'sample-app', 'main.ts')];

async function addressOf(life: Life): Promise<string> {
  await life.waitFor(/sample app: \d+ rows, http\S+/);
  return /sample app: \d+ rows, (http\S+)/.exec(life.output())?.[1] ?? '';
}

/** Three lives on three disks; every row the app acknowledged over HTTP is to be there in the next one. */
async function expectRowsToOutliveDisks(site: Site): Promise<void> {
  const acknowledged: string[] = [];
  for (const round of [1, 2, 3]) {
    const life = site.startCommand(sampleApp, { environment: { PORT: '0' } });
    const address = await addressOf(life);
    expect(life.output()).toContain(`sample app: ${acknowledged.length} rows`);
    const page = await (await fetch(address)).text();
    for (const text of acknowledged) expect(page).toContain(text);
    for (const number of [1, 2, 3]) {
      const text = `round-${round}-row-${number}`;
      const answer = await fetch(`${address}rows`, { method: 'POST', body: text });
      expect(answer.status).toBe(201);
      acknowledged.push(text);
    }
    expect(await life.stop(), life.log()).toEqual({ code: 0, signal: null });
    site.wipe();
  }
}

describe('rows outlive the disk', () => {
  it('on a folder replica', async () => {
    await using site = new Site();
    await expectRowsToOutliveDisks(site);
  });

  it('on S3', async () => {
    await using store = await startStore();
    await using site = new Site([s3Replica(store, store.url)]);
    await expectRowsToOutliveDisks(site);
  });

  it('on S3, with a volume that stays: nothing is restored, nothing is lost', async () => {
    await using store = await startStore();
    await using site = new Site([s3Replica(store, store.url)]);
    await site.run(['add=2']);
    const second = await site.run(['list', 'add=2']);
    expect(second.seen()).toEqual([1, 2]);
    expect(second.log()).not.toContain('restored database');
    site.wipe();
    expect((await site.run(['list'])).seen()).toEqual([1, 2, 3, 4]);
  });
});
