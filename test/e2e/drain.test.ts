/** What the exit status says about the last rows: 75 where no replica holds them, 0 where one does. */
import { describe, expect, it } from 'vitest';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { Site } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

const quickly = { flags: ['--stop-timeout', '5s'] };

describe('the store is down at the drain', () => {
  it('75, and a line names the replica and what it lacks; the next start brings it', async () => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await using site = new Site([s3Replica(store, network.url)]);
    try {
      const life = site.start(['add=1', 'until-term'], quickly);
      await life.waitFor(/write snapshot/);
      await network.set({ kind: 'refuse' });
      expect((await life.stop()).code, life.log()).toBe(75);
      expect(life.log()).toMatch(
        /level=ERROR msg="drain: commits not replicated" db=\S+station\.db replica=s3 files=1 txids=([0-9a-f]{16})-\1 bytes=\d+ behind-seconds=\S+ error=.*ECONNREFUSED/,
      );
      expect(life.log()).toContain('drain incomplete: keep the volume and start again');
      await network.set({ kind: 'pass' });
      expect((await site.run(['list'], quickly)).code).toBe(0);
      site.wipe();
      expect((await site.run(['list'])).seen()).toEqual([1, 2]);
    } finally {
      await network.stop();
    }
  });

  it("75 even where the child ended with 1: the child's own code is in the log", async () => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await using site = new Site([s3Replica(store, network.url)]);
    try {
      await site.run(['add=1']);
      await network.set({ kind: 'refuse' });
      const life = site.start(['add=1', 'exit=1'], quickly);
      await life.waitFor(/command ended.*code=1/);
      // Having ended by itself, it is drained for a minute, unless the platform asks for the stop.
      expect((await life.stop()).code, life.log()).toBe(75);
    } finally {
      await network.stop();
    }
  });

  it('second TERM during the drain does not abort it', async () => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await using site = new Site([s3Replica(store, network.url)]);
    try {
      const life = site.start(['add=1', 'until-term']);
      await life.waitFor(/write snapshot/);
      await network.set({ kind: 'refuse' });
      life.kill('SIGTERM');
      await life.waitFor(/life: group-gone/);
      life.kill('SIGTERM');
      life.kill('SIGINT');
      await life.waitFor(/signal received" signal=SIGINT/);
      await network.set({ kind: 'pass' });
      expect((await life.ended).code, life.log()).toBe(0);
      expect(life.log()).toContain('drain complete');
      site.wipe();
      expect((await site.run(['list'])).seen()).toEqual(life.acknowledged());
    } finally {
      await network.stop();
    }
  });

  it('budget expiry is reported with the bytes and TXIDs lost, where the store takes everything and answers nothing', async () => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await using site = new Site([s3Replica(store, network.url)]);
    try {
      const life = site.start(['add=1', 'until-term'], { flags: ['--stop-timeout', '8s'] });
      await life.waitFor(/write snapshot/);
      await network.set({ kind: 'blackhole' });
      const began = performance.now();
      expect((await life.stop()).code, life.log()).toBe(75);
      expect(performance.now() - began).toBeLessThan(8000);
      expect(life.log()).toMatch(
        /"drain: commits not replicated" .*txids=([0-9a-f]{16})-\1 bytes=[1-9]\d* behind-seconds=/,
      );
    } finally {
      await network.stop();
    }
  });
});

describe('one of two replicas is down at the drain', () => {
  it.each([
    { require: 'one', code: 0, line: /level=WARN msg="drain: replica is behind" .*replica=s3/ },
    { require: 'all', code: 75, line: /level=ERROR msg="drain: commits not replicated" .*replica=s3/ },
  ])('--drain-require=$require: $code, and the newest wins at the next start', async ({ require, code, line }) => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await using site = new Site([s3Replica(store, network.url)]);
    const both = { replicas: [site.folderReplica(), ...site.replicas] };
    try {
      const flags = ['--drain-require', require, ...quickly.flags];
      const life = site.start(['add=1', 'until-term'], { ...both, flags });
      await life.waitFor(/replica=s3.*write snapshot|write snapshot.*replica=s3/);
      await network.set({ kind: 'refuse' });
      const end = await life.stop();
      expect(end.code, life.log()).toBe(code);
      expect(life.log()).toMatch(line);
      await network.set({ kind: 'pass' });
      site.wipe();
      const next = await site.run(['list', 'add=1'], both);
      expect(next.seen(), next.log()).toEqual([1, 2]);
      expect(next.log()).toContain('restoring from file');
      site.wipe();
      // What S3 missed has reached it meanwhile.
      expect((await site.run(['list'])).seen()).toEqual([1, 2, 3]);
    } finally {
      await network.stop();
    }
  });
});
