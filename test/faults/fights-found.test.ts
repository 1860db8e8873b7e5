/** What fights between instances have brought to light. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { type Life, Site } from '../e2e/life.ts';
import { s3Replica, startStore } from '../e2e/s3-site.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';

const lastTxid = (life: Life) => Number([...life.log().matchAll(/msg=sync .* txid=(\d+)/g)].at(-1)?.[1] ?? 0);

async function until(what: string, condition: () => boolean, life: Life): Promise<void> {
  for (const giveUp = Date.now() + 60_000; !condition(); await pause(20)) {
    if (Date.now() > giveUp) throw new Error(`waited in vain for ${what}:\n${life.log()}`);
  }
}

it.concurrent('a disk that was cut off, wrote on for longer than its successor, and was killed does not win over that at its restart', async () => {
  await using store = await startStore();
  const network = await startFaultProxy(store.port);
  await using cutOff = new Site([s3Replica(store, network.url)]);
  await using successor = new Site([s3Replica(store, store.url)]);
  try {
    const old = cutOff.start(['writing']);
    await old.waitFor(/write wal segment/);
    await network.set({ kind: 'refuse' });
    const next = successor.start(['list', 'add=5', 'until-term']);
    await next.waitFor(/^waiting$/m, 60_000);
    expect((await next.stop()).code, next.log()).toBe(0);
    const synced = [...(next.seen() ?? []), ...next.acknowledged()];
    // Later by its clock, and higher by its TXIDs.
    const after = Math.max(lastTxid(next), lastTxid(old)) + 1;
    await until('more captures', () => lastTxid(old) > after, old);
    old.end();
    await old.ended;
    await network.set({ kind: 'pass' });
    // Its platform starts it again and again.
    for (const _ of [1, 2]) {
      const again = await cutOff.run(['list']);
      expect(again.code, again.log()).toBe(69);
      expect(again.log()).toMatch(
        /was written by another instance, after this one lost the lease.* code=REPLICA_AHEAD/,
      );
    }
    const decided = await cutOff.run(['list'], { flags: ['--on-conflict=use-replica'] });
    expect(decided.code, decided.log()).toBe(0);
    expect(decided.seen()).toEqual(synced);
    successor.wipe();
    expect((await successor.run(['list'])).seen()).toEqual(synced);
  } finally {
    await network.stop();
  }
});

it.concurrent('a loser whose time was up before its drain began still keeps what no replica holds, and says where', async () => {
  await using loser = new Site();
  await using winner = new Site(loser.replicas);
  const old = loser.start(['deaf', 'writing'], { environment: { STATION_STOP_TIMEOUT: '3s' } });
  await old.waitFor(/write wal segment/);
  old.kill('SIGSTOP');
  const next = winner.start(['list', 'add=2', 'until-term']);
  await next.waitFor(/^waiting$/m, 60_000);
  old.kill('SIGCONT');
  await old.waitFor(/code=LEASE_LOST/);
  await old.waitFor(/signal passed on" signal=SIGTERM/);
  // All of its deadlines pass at once, as on a machine that swaps.
  old.kill('SIGSTOP');
  await pause(4_000);
  old.kill('SIGCONT');
  expect((await old.ended).code, old.log()).toBe(76);
  expect(old.log()).toMatch(/msg="another instance goes on/);
  expect((await next.stop()).code, next.log()).toBe(0);
});
