/** Which replica is restored from: the newest sound one, whatever is down, damaged or of another history. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { Site } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

describe('two replicas', () => {
  it('the newest wins, whichever it is', async () => {
    await using store = await startStore();
    await using site = new Site();
    const [folder, s3] = [site.folderReplica(), s3Replica(store, store.url)];
    const both = { replicas: [folder, s3] };
    await site.run(['add=1'], both);
    await site.run(['add=1'], { replicas: [s3] });
    site.wipe();
    const life = await site.run(['list', 'add=1'], both);
    expect(life.seen(), life.log()).toEqual([1, 2]);
    expect(life.log()).toContain('restoring from s3');
    await site.run(['add=1'], { replicas: [folder] });
    site.wipe();
    const next = await site.run(['list'], both);
    expect(next.seen(), next.log()).toEqual([1, 2, 3, 4]);
    expect(next.log()).toContain('restoring from file');
  });

  it('one down at the start: goes on with the other, loudly; --restore-quorum=all insists', async () => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await using site = new Site();
    const both = { replicas: [site.folderReplica(), s3Replica(store, network.url)] };
    try {
      await site.run(['add=2'], both);
      site.wipe();
      await network.set({ kind: 'refuse' });
      const insisting = await site.run(['list'], { ...both, flags: ['--restore-quorum=all', '--restore-timeout=2s'] });
      expect(insisting.code, insisting.log()).toBe(69);
      const life = site.start(['list', 'add=1', 'until-term'], { ...both, flags: ['--restore-timeout=2s'] });
      await life.waitFor(/^waiting$/m);
      expect(life.seen()).toEqual([1, 2]);
      expect(life.log()).toMatch(/level=WARN msg="restoring without s3/);
      await network.set({ kind: 'pass' });
      // Whether it failed before, or was only asked again until it answered, is a matter of moments.
      await life.waitFor(/write (snapshot|wal segment)" .*replica=s3/);
      expect((await life.stop()).code, life.log()).toBe(0);
      site.wipe();
      // Both hold everything.
      expect((await site.run(['list'], { replicas: [s3Replica(store, network.url)] })).seen()).toEqual([1, 2, 3, 4]);
    } finally {
      await network.stop();
    }
  });

  it('histories that have parted: a loud line, the later is taken, --restore-from decides otherwise', async () => {
    await using site = new Site();
    const [one, two] = [site.folderReplica('one'), site.folderReplica('two')];
    for (let round = 0; round < 3; round += 1) await site.run(['add=1'], { replicas: [one] });
    site.wipe();
    await site.run(['add=1'], { replicas: [two] });
    site.wipe();
    const both = { replicas: [one, two] };
    const life = await site.run(['list'], both);
    expect(life.seen(), life.log()).toEqual([1]);
    expect(life.log()).toMatch(/level=WARN msg="histories have parted: two .*one .*--restore-from NAME/);
  });

  it('--restore-from names the other of two histories', async () => {
    await using site = new Site();
    const [one, two] = [site.folderReplica('one'), site.folderReplica('two')];
    for (let round = 0; round < 3; round += 1) await site.run(['add=1'], { replicas: [one] });
    site.wipe();
    await site.run(['add=1'], { replicas: [two] });
    site.wipe();
    const both = { replicas: [one, two] };
    const life = await site.run(['list', 'add=1'], { ...both, flags: ['--restore-from', 'one'] });
    expect(life.seen(), life.log()).toEqual([1, 2, 3]);
    expect(life.code, life.log()).toBe(0);
    site.wipe();
    // From here on both continue it.
    const next = await site.run(['list'], both);
    expect(next.seen(), next.log()).toEqual([1, 2, 3, 4]);
    expect(next.log()).not.toContain('histories have parted');
  });
});

describe('a slow replica', () => {
  it('is given the time it takes: --restore-timeout is for the answer, not for the download', async () => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await using site = new Site([s3Replica(store, network.url)]);
    try {
      await site.run(['add=5000']);
      site.wipe();
      await network.set({ kind: 'rate', bytesPerSecond: 300_000 });
      const life = await site.run(['list'], { flags: ['--restore-timeout', '1s'] });
      expect(life.code, life.log()).toBe(0);
      expect(life.seen()).toHaveLength(5000);
      const seconds = Number(/restored database.* elapsed=([\d.]+)s/.exec(life.log())?.[1]);
      expect(seconds, 'it was not slow enough to tell').toBeGreaterThan(1);
    } finally {
      await network.stop();
    }
  });
});

describe('a damaged newest chain', () => {
  it('falls back to the next sound point, loudly', async () => {
    await using site = new Site();
    for (let round = 0; round < 3; round += 1) await site.run(['add=1']);
    const newest = site.filesOf('file').at(-1) ?? '';
    flipByte(newest);
    site.wipe();
    const life = await site.run(['list']);
    expect(life.code, life.log()).toBe(0);
    expect(life.seen()).toEqual([1, 2]);
    expect(life.log()).toMatch(/level=WARN msg="file: left out: .*checksum is wrong/);
    expect(life.log()).toMatch(/level=WARN msg="the newest copy, in file, was not sound: restored as of TXID/);
  });

  it('goes to the other replica where that one is sound', async () => {
    await using site = new Site();
    const both = { replicas: [site.folderReplica('one'), site.folderReplica('two')] };
    for (let round = 0; round < 3; round += 1) await site.run(['add=1'], both);
    flipByte(site.filesOf('one').at(-1) ?? '');
    site.wipe();
    const life = await site.run(['list', 'add=1'], both);
    expect(life.seen(), life.log()).toEqual([1, 2, 3]);
    site.wipe();
    // The damaged one has been given a whole new copy above.
    expect((await site.run(['list'], { replicas: [site.folderReplica('one')] })).seen()).toEqual([1, 2, 3, 4]);
  });
});

function flipByte(path: string): void {
  const content = readFileSync(path);
  const at = Math.floor(content.length / 2);
  content[at] = (content[at] ?? 0) ^ 0xff;
  writeFileSync(path, content);
}
