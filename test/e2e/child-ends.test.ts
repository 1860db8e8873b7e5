/** The last row is in the replica, and the exit status is right, whatever way the child ends. */
import { describe, expect, it } from 'vitest';
import { type Life, node, Site, scriptedApp } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

/** Loses the disk, starts again, and gives the rows a child finds then. */
async function rowsAfterLoss(site: Site): Promise<readonly number[] | undefined> {
  site.wipe();
  const next = await site.run(['list']);
  expect(next.code, next.log()).toBe(0);
  return next.seen();
}

async function expectAllKept(site: Site, life: Life): Promise<void> {
  const acknowledged = life.acknowledged();
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(await rowsAfterLoss(site)).toEqual(expect.arrayContaining([...acknowledged]));
}

describe('the child ends by itself', () => {
  it.each([
    ['with exit 0', ['add=3'], 0],
    ['with exit 1', ['add=3', 'exit=1'], 1],
    ['with exit 143', ['add=3', 'exit=143'], 143],
    ['with an exit status of ours', ['add=3', 'exit=75'], 75],
    ['by SIGKILL', ['add=3', 'kill=SIGKILL'], 137],
    ['by SIGABRT', ['add=3', 'kill=SIGABRT'], 134],
    ['at once, after one insert', ['add=1'], 0],
  ])('%s', async (_how, steps, status) => {
    await using site = new Site();
    const life = await site.run(steps);
    expect(life.code, life.log()).toBe(status);
    expect(life.log()).toContain('drain complete');
    await expectAllKept(site, life);
  });

  // Litestream's issue 436: its command ended before the first sync, and nothing was replicated.
  it('instant-exit child (/bin/true) still syncs', async () => {
    await using site = new Site();
    site.makeDataFolder();
    const before = site.launch(node, [scriptedApp, 'add=3']);
    expect((await before.ended).code).toBe(0);
    const life = site.startCommand(['/bin/true']);
    expect((await life.ended).code, life.log()).toBe(0);
    expect(await rowsAfterLoss(site)).toEqual([1, 2, 3]);
  });

  it('without touching the database at all', async () => {
    await using site = new Site();
    const life = site.startCommand(['/bin/true']);
    expect(await life.ended).toEqual({ code: 0, signal: null });
    expect(site.dataFolder()).toEqual([]);
  });

  it('leader exits, grandchild still writing: it is stopped, and its last row is in the replica', async () => {
    await using site = new Site();
    const life = await site.run(['add=2', 'grandchild', 'exit=3']);
    expect(life.code, life.log()).toBe(3);
    expect(life.output()).toMatch(/grandchild \d+\n(.*\n)+got SIGTERM\nrow \d+\n$/);
    await expectAllKept(site, life);
  });
});

describe('the child ends by itself, with its replica on S3', () => {
  it.each([
    ['with exit 1', ['add=3', 'exit=1'], 1],
    ['with exit 143', ['add=3', 'exit=143'], 143],
    ['by SIGKILL', ['add=3', 'kill=SIGKILL'], 137],
    ['at once, after one insert', ['add=1'], 0],
  ])('%s', async (_how, steps, status) => {
    await using store = await startStore();
    await using site = new Site([s3Replica(store, store.url)]);
    const life = await site.run(steps);
    expect(life.code, life.log()).toBe(status);
    await expectAllKept(site, life);
  });
});

describe('the child cannot be started', () => {
  it('127 where there is no such command, 126 where it cannot be executed', async () => {
    await using site = new Site();
    expect((await site.startCommand(['/there/is/no/such/command']).ended).code).toBe(127);
    expect((await site.startCommand([site.config]).ended).code).toBe(126);
  });
});

describe('the child is stopped', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('by %s, which it answers with a last row', async (signal) => {
    await using site = new Site();
    const life = site.start(['add=2', 'until-term']);
    await life.waitFor(/^waiting$/m);
    life.kill(signal);
    expect(await life.ended, life.log()).toEqual({ code: 0, signal: null });
    expect(life.output()).toContain(`got ${signal}`);
    expect(life.acknowledged()).toEqual([1, 2, 3]);
    await expectAllKept(site, life);
  });

  it('in the midst of writing', async () => {
    await using site = new Site();
    const life = site.start(['writing']);
    await life.waitFor(/^row 30$/m);
    expect((await life.stop()).code, life.log()).toBe(0);
    await expectAllKept(site, life);
  });

  it('by two SIGTERMs, of which it gets one, and the drain is not cut short', async () => {
    await using site = new Site();
    const life = site.start(['add=2', 'until-term']);
    await life.waitFor(/^waiting$/m);
    life.kill('SIGTERM');
    life.kill('SIGTERM');
    setTimeout(() => life.kill('SIGTERM'), 30);
    expect((await life.ended).code, life.log()).toBe(0);
    expect(life.output().match(/got SIGTERM/g)).toHaveLength(1);
    await expectAllKept(site, life);
  });

  it('by its default action: 143', async () => {
    await using site = new Site();
    await site.run(['add=1']);
    const life = site.startCommand(['/bin/sleep', '600']);
    await life.waitFor(/command started/);
    expect((await life.stop()).code, life.log()).toBe(143);
  });

  it('never: it is killed within the budget, and its rows are kept', async () => {
    await using site = new Site();
    const life = site.start(['deaf', 'add=3', 'forever'], { flags: ['--stop-timeout', '4s'] });
    await life.waitFor(/^waiting$/m);
    const began = performance.now();
    expect((await life.stop()).code, life.log()).toBe(137);
    expect(performance.now() - began).toBeLessThan(4000);
    await expectAllKept(site, life);
  });
});
