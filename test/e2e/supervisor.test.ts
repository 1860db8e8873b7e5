/** Ephemeral mode, two supervisors on one database, a stop during the restore. */
import { describe, expect, it } from 'vitest';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { Site } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

const unset = [{ type: 's3', bucket: `\${STATION_TEST_BUCKET}`, path: 'station' }];

describe('ephemeral mode', () => {
  it("warns word for word, names the variables, and exits with the child's own status", async () => {
    await using site = new Site(unset);
    site.makeDataFolder();
    const life = await site.run(['add=1', 'exit=7']);
    expect(life.code, life.log()).toBe(7);
    expect(life.log()).toContain('⚠️ No Litestream replica configured. Running in ephemeral mode.');
    expect(life.log()).toMatch(/level=WARN .*ephemeral mode.*STATION_TEST_BUCKET/);
    expect(life.acknowledged()).toEqual([1]);
  });

  it('128 + n where a signal ends the child', async () => {
    await using site = new Site(unset);
    site.makeDataFolder();
    expect((await site.run(['kill=SIGKILL'])).code).toBe(137);
  });

  it('is an error with --require-replica: 78, and no child', async () => {
    await using site = new Site(unset);
    const life = await site.run(['add=1'], { flags: ['--require-replica'] });
    expect(life.code, life.log()).toBe(78);
    expect(life.output()).toBe('');
    expect(life.log()).toContain('STATION_TEST_BUCKET');
  });

  it('needs no config file at all', async () => {
    await using site = new Site(unset);
    const life = site.launch(`${import.meta.dirname}/../../entrypoint`, ['/bin/sh', '-c', 'exit 5'], {
      HOME: site.folder,
    });
    expect((await life.ended).code, life.log() + life.output()).toBe(5);
    expect(life.log() + life.output()).toContain('Running in ephemeral mode.');
  });
});

describe('a second supervisor on the same database', () => {
  it('waits for the first one, then goes on with its rows', async () => {
    await using site = new Site();
    const first = site.start(['add=1', 'until-term']);
    await first.waitFor(/^waiting$/m);
    const second = site.start(['list', 'add=1']);
    await second.waitFor(/another supervisor holds this database: waiting/);
    expect(second.output()).toBe('');
    expect((await first.stop()).code, first.log()).toBe(0);
    expect((await second.ended).code, second.log()).toBe(0);
    expect(second.seen()).toEqual([1, 2]);
    site.wipe();
    expect((await site.run(['list'])).seen()).toEqual([1, 2, 3]);
  });

  it('goes on where the first one was killed', async () => {
    await using site = new Site();
    const first = site.start(['add=1', 'until-term']);
    await first.waitFor(/^waiting$/m);
    const second = site.start(['list', 'add=1']);
    await second.waitFor(/another supervisor holds this database: waiting/);
    first.kill('SIGKILL');
    expect((await second.ended).code, second.log()).toBe(0);
    expect(second.seen()).toEqual([1]);
    process.kill(first.childPid(), 'SIGKILL');
  });

  it('ends when it is told to while it waits: 143', async () => {
    await using site = new Site();
    const first = site.start(['add=1', 'until-term']);
    await first.waitFor(/^waiting$/m);
    const second = site.start(['list']);
    await second.waitFor(/another supervisor holds this database: waiting/);
    expect((await second.stop()).code, second.log()).toBe(143);
    expect((await first.stop()).code).toBe(0);
  });
});

describe('SIGTERM during the restore', () => {
  it.each(['slow', 'blackhole'] as const)('143 at once, no child, nothing half restored (%s network)', async (kind) => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await using site = new Site([s3Replica(store, network.url)]);
    try {
      await site.run(['add=300']);
      site.wipe();
      await network.set(kind === 'slow' ? { kind: 'rate', bytesPerSecond: 1000 } : { kind: 'blackhole' });
      const life = site.start(['list']);
      await life.waitFor(/budget/);
      await new Promise((resolve) => setTimeout(resolve, 700));
      expect((await life.stop()).code, life.log()).toBe(143);
      expect(life.output()).toBe('');
      expect(site.dataFolder()).toEqual([]);
      await network.set({ kind: 'pass' });
      expect((await site.run(['list'])).seen()).toHaveLength(300);
    } finally {
      await network.stop();
    }
  });
});
