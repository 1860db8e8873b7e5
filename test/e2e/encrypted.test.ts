/** The life of a database whose replica the client encrypts, and what happens when the keys are not the right ones. */
import { readFileSync } from 'node:fs';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { type ReplicaSettings, Site } from './life.ts';

const identity = await generateIdentity();
const stranger = await generateIdentity();
const recipient = await identityToRecipient(identity);

function withAge(site: Site, age: unknown): readonly ReplicaSettings[] {
  return [{ ...site.folderReplica(), ...(age !== undefined && { age }) }];
}

describe('a replica encrypted by the client', () => {
  it('brings the database back after each loss, and shows the store nothing', async () => {
    await using site = new Site();
    const replicas = withAge(site, { recipients: [recipient], identities: ['$AGE_IDENTITY'] });
    const options = { replicas, environment: { AGE_IDENTITY: identity } };
    const first = await site.run(['add=3'], options);
    expect(first.code, first.log()).toBe(0);
    // The same disk again, then none.
    expect((await site.run(['list', 'add=2'], options)).seen()).toEqual([1, 2, 3]);
    site.wipe();
    const third = await site.run(['list', 'add=1'], options);
    expect(third.seen(), third.log()).toEqual([1, 2, 3, 4, 5]);
    site.wipe();
    expect((await site.run(['list'], options)).seen()).toEqual([1, 2, 3, 4, 5, 6]);
    for (const path of site.filesOf('file')) {
      expect(readFileSync(path).subarray(0, 22).toString()).toBe('age-encryption.org/v1\n');
    }
    expect(first.log() + third.log()).not.toContain(identity);
  });

  it('is restored by hand, by the database’s path', async () => {
    await using site = new Site();
    const replicas = withAge(site, { identities: [identity] });
    await site.run(['add=3'], { replicas });
    expect(await site.rowsAt(site.newestTxid('file'))).toEqual([1, 2, 3]);
  });
});

describe('keys that do not belong to the replica never begin an empty database: 69', () => {
  it.each([
    ['another identity', { identities: [identity] }, { identities: [stranger] }, 'no key of'],
    ['no keys', { identities: [identity] }, undefined, 'is encrypted with age'],
    ['keys for a replica in the clear', undefined, { identities: [identity] }, 'is not encrypted'],
  ])('%s', async (_, before, after, message) => {
    await using site = new Site();
    await site.run(['add=2'], { replicas: withAge(site, before) });
    const files = site.filesOf('file');
    site.wipe();
    const life = await site.run(['add=1'], { replicas: withAge(site, after) });
    expect(life.code, life.log()).toBe(69);
    expect(life.log()).toContain(message);
    expect(life.output()).toBe('');
    expect(site.filesOf('file')).toEqual(files);
  });

  it('and write nothing in the clear beside it, while the database is here: 75', async () => {
    await using site = new Site();
    await site.run(['add=2'], { replicas: withAge(site, { identities: [identity] }) });
    const files = site.filesOf('file');
    const life = site.start(['add=1', 'until-term'], {
      replicas: withAge(site, undefined),
      flags: ['--stop-timeout', '5s'],
    });
    await life.waitFor(/^waiting$/m);
    expect((await life.stop()).code, life.log()).toBe(75);
    expect(life.log()).toContain('is encrypted with age');
    expect(site.filesOf('file')).toEqual(files);
  });

  it('and recipients that no identity fits are refused with their place: 78', async () => {
    await using site = new Site();
    const life = await site.run(['add=1'], {
      replicas: withAge(site, { recipients: [recipient], identities: [stranger] }),
    });
    expect(life.code, life.log()).toBe(78);
    expect(life.log()).toMatch(/litestream\.yml:\d+:\d+: no key of/);
    expect(life.log()).not.toContain(stranger);
  });
});
