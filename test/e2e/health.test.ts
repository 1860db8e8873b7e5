/** What probes are told, from the first moment of a life to its last. */
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { type Life, Site } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

const listening = /health endpoints" addr=\S+:(\d+)/;

async function probe(life: Life, path: string): Promise<readonly [number, unknown]> {
  await life.waitFor(listening);
  const response = await fetch(`http://127.0.0.1:${listening.exec(life.log())?.[1]}${path}`);
  const body = (await response.json()) as { readonly reason?: string };
  return [response.status, body.reason];
}

const environment = { STATION_LISTEN: '127.0.0.1:0' };

describe('health endpoints', () => {
  it('503 while it restores, 200 while it serves, 503 from SIGTERM on, alive all the time', async () => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await using site = new Site([s3Replica(store, network.url)]);
    try {
      await site.run(['add=1']);
      site.wipe();
      await network.set({ kind: 'blackhole' });
      const life = site.start(['list', 'until-term'], { environment });
      expect(await probe(life, '/readyz')).toEqual([503, 'restoring']);
      expect(await probe(life, '/startupz')).toEqual([503, 'restoring']);
      expect(await probe(life, '/livez')).toEqual([200, undefined]);
      await network.set({ kind: 'pass' });
      await life.waitFor(/^waiting$/m);
      for (const path of ['/livez', '/startupz', '/readyz']) expect(await probe(life, path)).toEqual([200, undefined]);
      // The drain lasts as long as the store is out of reach.
      await network.set({ kind: 'blackhole' });
      const ended = life.stop();
      await life.waitFor(/signal received/);
      expect(await probe(life, '/readyz')).toEqual([503, 'SIGTERM received']);
      expect(await probe(life, '/startupz')).toEqual([200, undefined]);
      expect(await probe(life, '/livez')).toEqual([200, undefined]);
      await network.set({ kind: 'pass' });
      expect((await ended).code, life.log()).toBe(0);
    } finally {
      await network.stop();
    }
  });

  it('503 without the lease, which another instance holds', async () => {
    await using site = new Site();
    await using other = new Site(site.replicas);
    const holder = site.start(['add=1', 'until-term']);
    await holder.waitFor(/^waiting$/m);
    const life = other.start(['list'], { environment, flags: ['--takeover', 'wait'] });
    await life.waitFor(/another instance holds the lease/);
    expect(await probe(life, '/readyz')).toEqual([
      503,
      expect.stringMatching(/^waiting for the lease, which \S+ holds$/),
    ]);
    expect(await probe(life, '/livez')).toEqual([200, undefined]);
    await holder.stop();
    expect((await life.ended).code, life.log()).toBe(0);
    // The last one was added when the holder was told to stop.
    expect(life.seen()).toEqual([1, 2]);
  });

  it('an address in use is a warning, and the program goes on', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const bound = other.address();
    const port = typeof bound === 'object' ? bound?.port : 0;
    await using site = new Site();
    const life = site.start(['add=1', 'until-term'], { flags: ['--listen', `127.0.0.1:${port}`] });
    await life.waitFor(/level=WARN msg="no health endpoints: .*EADDRINUSE.* hint=".*another --listen/);
    await life.waitFor(/^waiting$/m);
    expect((await life.stop()).code, life.log()).toBe(0);
    other.close();
  });

  it('off where nobody asked for them', async () => {
    await using site = new Site();
    expect((await site.run(['add=1'])).log()).not.toContain('health');
  });
});
