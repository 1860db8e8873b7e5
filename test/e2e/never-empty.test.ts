/** Cannot reach is not empty: no child ever starts on an empty database because of the network or a refusal. */
import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { type ReplicaSettings, Site } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

const soon = { flags: ['--restore-timeout', '2s'] };

async function expectNoStart(site: Site, replicas: readonly ReplicaSettings[], reason: RegExp): Promise<void> {
  const life = await site.run(['list'], { ...soon, replicas });
  expect(life.code, life.log()).toBe(69);
  expect(life.output(), 'the child was started').toBe('');
  expect(existsSync(site.database)).toBe(false);
  expect(life.log()).toMatch(reason);
}

describe('no database here, and the replica', () => {
  it('refuses the credentials (403)', async () => {
    await using store = await startStore();
    const replica = s3Replica({ ...store, secretAccessKey: 'wrong' }, store.url);
    await using site = new Site([replica]);
    await expectNoStart(site, [replica], /code=RESTORE_UNREACHABLE/);
    await expectNoStart(site, [replica], /SignatureDoesNotMatch/);
  });

  it('denies access (403 AccessDenied)', async () => {
    await using store = await startStore();
    store.faults.add({ do: { kind: 'answer', status: 403, code: 'AccessDenied' } });
    await using site = new Site([s3Replica(store, store.url)]);
    await expectNoStart(site, site.replicas, /AccessDenied/);
  });

  it('names a bucket that does not exist', async () => {
    await using store = await startStore();
    const replica = { ...s3Replica(store, store.url), bucket: 'no-such-bucket' };
    await using site = new Site([replica]);
    await expectNoStart(site, [replica], /NoSuchBucket|bucket/);
  });

  it.each(['refuse', 'blackhole'] as const)('cannot be reached (%s)', async (kind) => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await network.set({ kind });
    await using site = new Site([s3Replica(store, network.url)]);
    try {
      await expectNoStart(site, site.replicas, /code=RESTORE_UNREACHABLE/);
    } finally {
      await network.stop();
    }
  });

  it('cannot be reached while another one answers that it is empty', async () => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await network.set({ kind: 'refuse' });
    await using site = new Site([s3Replica(store, network.url)]);
    try {
      await expectNoStart(site, [site.folderReplica(), ...site.replicas], /code=RESTORE_UNREACHABLE/);
    } finally {
      await network.stop();
    }
  });

  it('is damaged from the first file on', async () => {
    await using site = new Site();
    await site.run(['add=1']);
    const [file = ''] = site.filesOf('file');
    writeFileSync(file, 'no LTX file at all');
    site.wipe();
    await expectNoStart(site, site.replicas, /code=RESTORE_NO_SOUND_COPY/);
  });
});

describe('a database here, and no replica can be reached', () => {
  it('starts the child; the uploads arrive when the store comes up', async () => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await using site = new Site([s3Replica(store, network.url)]);
    try {
      await site.run(['add=1']);
      await network.set({ kind: 'refuse' });
      const life = site.start(['list', 'add=1', 'until-term']);
      await life.waitFor(/failed to sync/);
      await life.waitFor(/^seen 1$/m);
      await network.set({ kind: 'pass' });
      await life.waitFor(/replica answers again/);
      expect((await life.stop()).code, life.log()).toBe(0);
      site.wipe();
      expect((await site.run(['list'])).seen()).toEqual([1, 2, 3]);
    } finally {
      await network.stop();
    }
  });

  it('of which none was ever replicated: it is, when the store comes up', async () => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await network.set({ kind: 'refuse' });
    await using site = new Site([s3Replica(store, network.url)]);
    try {
      site.makeDataFolder();
      await site.run(['add=1'], { replicas: [site.folderReplica()] });
      const life = site.start(['add=1', 'until-term']);
      await life.waitFor(/failed to sync/);
      await network.set({ kind: 'pass' });
      await life.waitFor(/write snapshot/);
      expect((await life.stop()).code, life.log()).toBe(0);
      site.wipe();
      expect((await site.run(['list'])).seen()).toEqual([1, 2, 3]);
    } finally {
      await network.stop();
    }
  });
});
