/** What may lie in the data folder at the start, and what becomes of it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Site } from './life.ts';

describe('the data folder at the start', () => {
  it('a zero-byte database counts as absent', async () => {
    await using site = new Site();
    await site.run(['add=2']);
    site.wipe();
    site.makeDataFolder();
    writeFileSync(site.database, '');
    expect((await site.run(['list'])).seen()).toEqual([1, 2]);
  });

  it('a zero-byte database beside an empty replica is for the application to fill', async () => {
    await using site = new Site();
    site.makeDataFolder();
    writeFileSync(site.database, '');
    expect((await site.run(['add=2'])).code).toBe(0);
    site.wipe();
    expect((await site.run(['list'])).seen()).toEqual([1, 2]);
  });

  it.each(['-wal', '-shm', '-journal'])('a %s beside an absent database is moved aside by name', async (suffix) => {
    await using site = new Site();
    await site.run(['add=2']);
    site.wipe();
    site.makeDataFolder();
    writeFileSync(site.database + suffix, 'of another database');
    const life = await site.run(['list']);
    expect(life.seen(), life.log()).toEqual([1, 2]);
    const aside = /moved aside to (\S+?)"? /.exec(life.log())?.[1] ?? '';
    expect(aside).toContain(suffix);
    expect(readFileSync(aside, 'utf8')).toBe('of another database');
  });

  it('something that is no database is left alone: 69', async () => {
    await using site = new Site();
    await site.run(['add=2']);
    site.wipe();
    site.makeDataFolder();
    writeFileSync(site.database, 'precious notes\n'.repeat(100));
    const life = await site.run(['list']);
    expect(life.code, life.log()).toBe(69);
    expect(life.output()).toBe('');
    expect(readFileSync(site.database, 'utf8')).toContain('precious notes');
  });

  it('an application that deletes the database right after the restore: one loud line, both stay restorable', async () => {
    await using site = new Site();
    await site.run(['add=5']);
    const old = site.newestTxid('file');
    site.wipe();
    const life = site.start(['list', 'delete', 'add=2', 'until-term']);
    await life.waitFor(/^waiting$/m);
    expect((await life.stop()).code, life.log()).toBe(0);
    expect(life.seen()).toEqual([1, 2, 3, 4, 5]);
    expect(life.log().match(/level=WARN msg="the database file was replaced/g)).toHaveLength(1);
    expect(await site.rowsAt(old)).toEqual([1, 2, 3, 4, 5]);
    site.wipe();
    expect((await site.run(['list'])).seen()).toEqual([1, 2, 3]);
  });
});

describe('a replica that is ahead of the database here', () => {
  /** The volume of an older life comes back: the replica holds rows this database never had. */
  async function outdated(): Promise<Site> {
    const site = new Site();
    await site.run(['add=1']);
    site.keepDisk('old');
    await site.run(['add=2']);
    site.bringBackDisk('old');
    return site;
  }

  it('69, with the two ways out', async () => {
    await using site = await outdated();
    const life = await site.run(['list']);
    expect(life.code, life.log()).toBe(69);
    expect(life.output()).toBe('');
    expect(life.log()).toMatch(/code=REPLICA_AHEAD hint=".*--on-conflict=keep-local.*--on-conflict=use-replica/);
  });

  it('--on-conflict=keep-local goes on above it, and what the replica held stays restorable', async () => {
    await using site = await outdated();
    const theirs = site.newestTxid('file');
    const life = await site.run(['list', 'add=1'], { flags: ['--on-conflict=keep-local'] });
    expect(life.code, life.log()).toBe(0);
    expect(life.seen()).toEqual([1]);
    expect(await site.rowsAt(theirs)).toEqual([1, 2, 3]);
    site.wipe();
    expect((await site.run(['list'])).seen()).toEqual([1, 2]);
  });

  it('--on-conflict=use-replica keeps the local file aside, and restores', async () => {
    await using site = await outdated();
    const life = await site.run(['list'], { flags: ['--on-conflict=use-replica'] });
    expect(life.code, life.log()).toBe(0);
    expect(life.seen()).toEqual([1, 2, 3]);
    expect(site.dataFolder().some((name) => name.includes('set-aside'))).toBe(true);
  });
});
