/** A store that cannot tell two writers apart is called that, once. */
import { expect, it } from 'vitest';
import { Site } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

const warnings = (log: string) => log.match(/level=WARN msg="the store is unable to fence: .*/g) ?? [];

it('a store nobody knows that ignores create-only puts', async () => {
  await using store = await startStore();
  store.faults.add({ when: { operation: 'PutObject' }, do: { kind: 'ignore-conditions' } });
  await using site = new Site([s3Replica(store, store.url)]);
  const life = site.start(['add=1', 'until-term']);
  await life.waitFor(/unable to fence/);
  await life.waitFor(/^waiting$/m);
  expect((await life.stop()).code, life.log()).toBe(0);
  expect(warnings(life.log())).toEqual([expect.stringMatching(/s3:\/\/bucket\/station.* replica=s3 .*hint=/)]);
  site.wipe();
  expect((await site.run(['list'])).seen()).toEqual([1, 2]);
});

it('one that honours them gives no reason to', async () => {
  await using store = await startStore();
  await using site = new Site([s3Replica(store, store.url)]);
  const life = await site.run(['add=3']);
  expect(life.code, life.log()).toBe(0);
  expect(warnings(life.log())).toEqual([]);
});
