import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { SeveralAtATime } from '../../src/replication/several-at-a-time.ts';

function pieces(count: number) {
  return Array.from({ length: count }, () => Promise.withResolvers<void>());
}

it('runs so many at the same time, the others in the order in which they came', async () => {
  const turns = new SeveralAtATime(2);
  const work = pieces(4);
  const begun: number[] = [];
  const all = work.map(({ promise }, index) =>
    turns.run(() => {
      begun.push(index);
      return promise;
    }),
  );
  await turn();
  expect(begun).toEqual([0, 1]);
  work[1]?.resolve();
  await turn();
  expect(begun).toEqual([0, 1, 2]);
  for (const { resolve } of work) resolve();
  await Promise.all(all);
  expect(begun).toEqual([0, 1, 2, 3]);
});

it('a piece that fails makes room too, and tells only who gave it', async () => {
  const turns = new SeveralAtATime(1);
  const failing = turns.run(async () => Promise.reject(new Error('mine')));
  const next = turns.run(async () => 'done');
  await expect(failing).rejects.toThrow('mine');
  expect(await next).toBe('done');
});

it('lets all run where somebody has no patience any more', async () => {
  const turns = new SeveralAtATime(1);
  const work = pieces(3);
  let begun = 0;
  const all = work.map(({ promise }) =>
    turns.run(() => {
      begun += 1;
      return promise;
    }),
  );
  turns.letAllRun();
  await turn();
  expect(begun).toBe(3);
  for (const { resolve } of work) resolve();
  await Promise.all(all);
});
