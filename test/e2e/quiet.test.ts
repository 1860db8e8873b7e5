/** Idle costs nothing but the renewals of the lease, and a restart on an empty disk uploads next to nothing. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Site } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

const isUpload = ({ method, key }: { readonly method: string; readonly key: string }) =>
  method !== 'GET' && key !== 'station/lock.json';

it('an idle database costs no request but one write for each renewal of its lease', async () => {
  await using store = await startStore();
  await using site = new Site([s3Replica(store, store.url)]);
  const life = site.start(['add=10', 'until-term'], { flags: ['--lease-duration', '30s'] });
  await life.waitFor(/^waiting$/m);
  await life.waitFor(/write snapshot/);
  // What was committed while the first file was on its way goes out in the second after it.
  await pause(2500);
  const before = store.requests.length;
  await pause(10_000);
  const made = store.requests.slice(before).map(({ method, key }) => `${method} ${key}`);
  expect(made.length).toBeLessThanOrEqual(2);
  expect(new Set(made)).toEqual(new Set(['PUT station/lock.json']));
  expect((await life.stop()).code, life.log()).toBe(0);
});

it('an idle database whose lease is off costs no request at all', async () => {
  await using store = await startStore();
  await using site = new Site([s3Replica(store, store.url)]);
  const life = site.start(['add=1', 'until-term'], { flags: ['--lease=off'] });
  await life.waitFor(/write snapshot/);
  await pause(2500);
  const before = store.requests.length;
  await pause(2_500);
  expect(store.requests.slice(before)).toEqual([]);
  expect((await life.stop()).code, life.log()).toBe(0);
});

it('a restart on an empty disk uploads nothing, and then only what is new', async () => {
  await using store = await startStore();
  await using site = new Site([s3Replica(store, store.url)]);
  await site.run(['add=2000']);
  site.wipe();
  const before = store.requests.length;
  const idle = await site.run(['list']);
  expect(idle.seen()).toHaveLength(2000);
  expect(store.requests.slice(before).filter(isUpload)).toEqual([]);
  site.wipe();
  const middle = store.requests.length;
  expect((await site.run(['add=1'])).code).toBe(0);
  const puts = store.requests.slice(middle).filter(isUpload);
  // Sent twice, because nobody knows this store: the second time shows whether it refuses another writer.
  expect(new Set(puts.map(({ key }) => key)).size).toBe(1);
  expect(puts.length).toBeLessThanOrEqual(2);
  expect(Number(puts[0]?.headers['content-length'])).toBeLessThan(10_000);
});
