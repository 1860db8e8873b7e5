/** One writer at a time: instances with disks of their own and one replica. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../servers/fault-proxy.ts';
import { checkout, type Life, type ReplicaSettings, Site, type StartOptions } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

const WAITS = /another instance holds the lease: waiting for it/;

/** Two disks, each with a program on it, and one replica: in a folder of the first, unless another is given. */
class Two implements AsyncDisposable {
  readonly first: Site;
  readonly second: Site;

  constructor(replicas?: readonly ReplicaSettings[]) {
    this.first = new Site(replicas);
    this.second = new Site(this.first.replicas);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.second[Symbol.asyncDispose]();
    await this.first[Symbol.asyncDispose]();
  }
}

const last = (life: Life) => life.acknowledged().at(-1) ?? 0;

async function uploadedSome(life: Life, rows = 20): Promise<void> {
  await life.waitFor(new RegExp(`^row ${rows}$`, 'm'));
  await life.waitFor(/write snapshot/);
}

async function waitUntil(what: string, condition: () => boolean, life: Life): Promise<void> {
  for (const giveUp = Date.now() + 20_000; !condition(); await pause(20)) {
    if (Date.now() > giveUp) throw new Error(`waited in vain for ${what}:\n${life.log()}`);
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

const service = { STATION_SERVICE: 'web' };
const long = { flags: ['--lease-duration', '10m'] };

describe('two instances overlap', () => {
  it('new waits, old drains and releases, new lists again after acquiring and restores the newest', async () => {
    await using two = new Two();
    const old = two.first.start(['writing']);
    await uploadedSome(old);
    const next = two.second.start(['list', 'until-term']);
    await next.waitFor(WAITS);
    expect(next.log()).toMatch(/holder=\S+:\d+ age=\d+s expires=\S+ takeover=wait/);
    expect(next.output()).toBe('');
    expect((await old.stop()).code, old.log()).toBe(0);
    await next.waitFor(/^seen /m);
    expect(next.seen()).toEqual(upTo(last(old)));
    expect((await next.stop()).code, next.log()).toBe(0);
    expect(next.log()).not.toContain('took over');
  });

  it('revisions of one service: old hands over, and waits for its stop signal; no row is lost', async () => {
    await using store = await startStore();
    await using two = new Two([s3Replica(store, store.url)]);
    const old = two.first.start(['writing'], { environment: service });
    await uploadedSome(old);
    const next = two.second.start(['list', 'until-term'], { environment: service });
    await next.waitFor(/takeover=handover/);
    await next.waitFor(/^seen /m);
    expect(next.seen()).toEqual(upTo(last(old)));
    await pause(300);
    expect(old.process.exitCode, 'the old one has ended by itself').toBeNull();
    await old.stop();
    expect((await next.stop()).code, next.log()).toBe(0);
  });

  it.each([
    ['is refused', ['--takeover=refuse'], /the lease is held by \S+:\d+, for \d+s, until \S+Z/],
    ['lasts longer than the timeout', ['--lease-timeout=1s'], /did not let go within 1 s/],
  ])('and that %s: 76, with the name of the holder, its age, and how to break the lease', async (_, flags, told) => {
    await using two = new Two();
    const old = two.first.start(['add=3', 'until-term']);
    await old.waitFor(/write snapshot/);
    const next = await two.second.run(['list'], { flags });
    expect(next.code, next.log()).toBe(76);
    expect(next.output()).toBe('');
    expect(next.log()).toMatch(told);
    expect(next.log()).toMatch(/code=LEASE_HELD .*lease --break/);
    expect((await old.stop()).code, old.log()).toBe(0);
  });
});

describe.concurrent('a zombie resumes past its lease', () => {
  it.each(['folder', 's3'])(
    'and cannot extend the lineage: 76, with what it could not replicate kept (%s)',
    async (kind) => {
      await using store = await startStore();
      await using two = new Two(kind === 's3' ? [s3Replica(store, store.url)] : undefined);
      const zombie = two.first.start(['writing']);
      await uploadedSome(zombie);
      zombie.kill('SIGSTOP');
      const before = last(zombie);
      const next = two.second.start(['list', 'add=5', 'until-term']);
      await next.waitFor(/took over the lease, which was expired/);
      await next.waitFor(/^waiting$/m);
      // Its child went on writing all that time.
      await waitUntil('more rows', () => last(zombie) > before + 20, zombie);
      zombie.kill('SIGCONT');
      expect((await zombie.ended).code, zombie.log()).toBe(76);
      const kept = /level=ERROR msg="another instance goes on: what no replica holds is kept".* folder=(\S+)/.exec(
        zombie.log(),
      );
      expect(kept, zombie.log()).not.toBeNull();
      expect(readdirSync(join(kept?.[1] ?? '', '0')).length).toBeGreaterThan(0);
      const seen = next.seen() ?? [];
      expect(seen).toEqual(upTo(seen.length));
      expect((await next.stop()).code, next.log()).toBe(0);
      two.second.wipe();
      const check = await two.second.run(['list']);
      expect(check.code, check.log()).toBe(0);
      expect(check.seen()).toEqual(upTo(seen.length + 6));
    },
  );
});

describe.concurrent('an upload that was under way when its writer lost the lease', () => {
  const ltx = { operation: 'PutObject', key: '^station/0000/' };
  const slow = (milliseconds: number) => ({ when: ltx, times: 1, do: { kind: 'delay', milliseconds } }) as const;

  it.each([
    ['arrives after the claim: it is refused', 9_000, 0],
    ['arrives before the claim: the new one looks again, and goes on from it', 10_000, 8_000],
  ])('%s', { timeout: 60_000 }, async (_, ofUpload, ofClaim) => {
    await using store = await startStore();
    await using two = new Two([s3Replica(store, store.url)]);
    const old = two.first.start(['writing']);
    // The first is sent twice, to see what an unknown store makes of it.
    const files = () => store.objects('bucket').filter(({ key }) => key.startsWith('station/0000/')).length;
    await waitUntil('two files', () => files() >= 2, old);
    store.faults.add(slow(ofUpload));
    const isUpload = ({ method, key }: { readonly method: string; readonly key: string }) =>
      method === 'PUT' && /^station\/0000\//.test(key);
    const sent = store.requests.filter(isUpload).length;
    await waitUntil('the upload', () => store.requests.filter(isUpload).length > sent, old);
    old.kill('SIGSTOP');
    if (ofClaim > 0) store.faults.add(slow(ofClaim));
    const next = two.second.start(['list', 'add=2', 'until-term']);
    await next.waitFor(/^waiting$/m, 30_000);
    const isOvertaken = next.log().includes('the last holder wrote until just now: looking at the replicas again');
    expect(isOvertaken, next.log()).toBe(ofClaim > 0);
    const seen = next.seen() ?? [];
    expect(seen).toEqual(upTo(seen.length));
    old.kill('SIGCONT');
    expect((await old.ended).code, old.log()).toBe(76);
    expect((await next.stop()).code, next.log()).toBe(0);
    two.second.wipe();
    expect((await two.second.run(['list'])).seen()).toEqual(upTo(seen.length + 3));
  });
});

/** A replica with rows 1 to 3, and a program that held its lease when it was killed. */
async function killed(site: Site, options: StartOptions = {}): Promise<void> {
  expect((await site.run(['add=3'], options)).code).toBe(0);
  const life = site.start(['until-term'], options);
  await life.waitFor(/^waiting$/m);
  life.end();
  await life.ended;
}

describe('after kill -9', () => {
  it('the same disk reclaims its lease at once', async () => {
    await using site = new Site();
    await killed(site, long);
    const next = await site.run(['list'], { flags: ['--takeover=refuse'] });
    expect(next.code, next.log()).toBe(0);
    expect(next.seen()).toEqual([1, 2, 3]);
  });

  it('an empty disk waits until the lease has expired, and takes over', async () => {
    await using site = new Site();
    await killed(site);
    site.wipe();
    const next = await site.run(['list']);
    expect(next.code, next.log()).toBe(0);
    expect(next.log()).toMatch(WAITS);
    expect(next.log()).toMatch(/took over the lease/);
    expect(next.seen()).toEqual([1, 2, 3]);
  });

  it('the next container of the same pod does not wait, empty disk or not', async () => {
    await using site = new Site();
    const pod = { KUBERNETES_SERVICE_HOST: '10.96.0.1', POD_UID: '7c5e' };
    await killed(site, { ...long, environment: pod });
    site.wipe();
    const next = await site.run(['list'], { flags: ['--takeover=refuse'], environment: pod });
    expect(next.code, next.log()).toBe(0);
    expect(next.seen()).toEqual([1, 2, 3]);
  });
});

describe('a lease that a person breaks', () => {
  const lease = (site: Site, ...words: readonly string[]) =>
    site.launch(join(checkout, 'entrypoint'), ['lease', '--config', site.config, ...words]);

  it('lets the next instance start at once, when its holder is dead', async () => {
    await using site = new Site();
    await killed(site, long);
    site.wipe();
    const shown = lease(site, '-json');
    expect((await shown.ended).code, shown.log()).toBe(0);
    expect(JSON.parse(shown.output())).toMatchObject([
      { replica: 'file', state: 'held', generation: 2, broken: false },
    ]);
    const broken = lease(site, '--break', site.database);
    expect((await broken.ended).code, broken.log()).toBe(0);
    expect(broken.output()).toMatch(/file: held by \S+:\d+, for .*, expires in 9m.*\n {2}broken: /);
    const next = await site.run(['list'], { flags: ['--takeover=refuse'] });
    expect(next.code, next.log()).toBe(0);
    expect(next.seen()).toEqual([1, 2, 3]);
  });

  it('stops a holder that was alive after all, with 76', async () => {
    await using site = new Site();
    const life = site.start(['add=3', 'until-term']);
    await life.waitFor(/write snapshot/);
    // One that is renewed in the same moment is not broken, and that is said: its holder is alive.
    for (let broken = lease(site, '--break'); (await broken.ended).code !== 0; broken = lease(site, '--break')) {
      expect(broken.output()).toContain('somebody has written it just now');
    }
    expect((await life.ended).code, life.log()).toBe(76);
    expect(life.log()).toContain('the lease was broken by a person');
    // The row that the child commits when it is stopped.
    expect(life.log()).toContain('what no replica holds is kept');
  });
});

describe('a lease that is no lease', () => {
  it('stops the start with 76, named, with the way out; which works', async () => {
    await using site = new Site();
    expect((await site.run(['add=3'])).code).toBe(0);
    site.wipe();
    rmSync(join(site.replicaFolder('file'), 'lock.json.states'), { recursive: true, force: true });
    writeFileSync(join(site.replicaFolder('file'), 'lock.json'), '<html>');
    const life = await site.run(['list']);
    expect(life.code, life.log()).toBe(76);
    expect(life.log()).toMatch(/file\/lock.json is no lease .*code=LEASE_INVALID .*lease --break/);
    const broken = site.launch(join(checkout, 'entrypoint'), ['lease', '--config', site.config, '--break']);
    expect((await broken.ended).code, broken.output()).toBe(0);
    expect((await site.run(['list'])).seen()).toEqual([1, 2, 3]);
  });

  it('of stock Litestream is respected until it expires', async () => {
    await using site = new Site();
    expect((await site.run(['add=3'])).code).toBe(0);
    rmSync(join(site.replicaFolder('file'), 'lock.json.states'), { recursive: true, force: true });
    const stock = { generation: 9, expires_at: new Date(Date.now() + 600_000).toISOString(), owner: 'stock:1' };
    writeFileSync(join(site.replicaFolder('file'), 'lock.json'), JSON.stringify(stock));
    const life = await site.run(['list'], { flags: ['--lease-timeout=1s'] });
    expect(life.code, life.log()).toBe(76);
    expect(life.log()).toContain('held by stock:1 (stock Litestream)');
  });
});

describe('the store', () => {
  /** `direct` is the same replica without the network in between. */
  type Test = (network: FaultProxy, replica: ReplicaSettings, direct: ReplicaSettings) => Promise<void>;

  async function withNetwork(test: Test): Promise<void> {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    try {
      await test(network, s3Replica(store, network.url), s3Replica(store, store.url));
    } finally {
      await network.stop();
    }
  }

  it('is out of reach for longer than the lease lasts: the child does not notice, and nobody is fenced', async () => {
    await withNetwork(async (network, replica) => {
      await using site = new Site([replica]);
      const life = site.start(['writing']);
      await uploadedSome(life);
      await network.set({ kind: 'refuse' });
      await life.waitFor(/the lease could not be renewed/);
      await pause(4_000);
      const during = last(life);
      await network.set({ kind: 'pass' });
      await waitUntil('more rows', () => last(life) > during, life);
      expect((await life.stop()).code, life.log()).toBe(0);
      site.wipe();
      expect((await site.run(['list'])).seen()).toEqual(upTo(last(life)));
    });
  });

  const slow: StartOptions = { flags: ['--restore-timeout', '1s'] };

  it('that is first in the config is unreachable: the second decides, and the first is taken up when it answers', async () => {
    await withNetwork(async (network, replica) => {
      await using site = new Site([replica]);
      const both = [replica, site.folderReplica()];
      expect((await site.run(['add=3'], { replicas: both })).code).toBe(0);
      site.wipe();
      await network.set({ kind: 'refuse' });
      const life = site.start(['list', 'add=2', 'until-term'], { ...slow, replicas: both });
      await life.waitFor(/^waiting$/m);
      expect(life.seen()).toEqual([1, 2, 3]);
      expect(life.log()).toMatch(/level=WARN msg="the lease is out of reach.* replica=s3/);
      await network.set({ kind: 'pass' });
      await life.waitFor(/lease acquired.* replica=s3/);
      expect((await life.stop()).code, life.log()).toBe(0);
      site.wipe();
      expect((await site.run(['list'], { replicas: [replica] })).seen()).toEqual(upTo(6));
    });
  });

  it('that is first in the config answers late, and is that of another who lives: this one stops with 76', async () => {
    await withNetwork(async (network, replica, direct) => {
      await using two = new Two([direct]);
      const both = [replica, two.second.folderReplica()];
      const other = two.first.start(['add=3', 'until-term']);
      await other.waitFor(/write snapshot/);
      await network.set({ kind: 'refuse' });
      const seeded = await two.second.run(['add=1'], { replicas: [two.second.folderReplica()] });
      expect(seeded.code, seeded.log()).toBe(0);
      const late = two.second.start(['until-term'], { replicas: both });
      await late.waitFor(/^waiting$/m);
      await network.set({ kind: 'pass' });
      expect((await late.ended).code, late.log()).toBe(76);
      expect((await other.stop()).code, other.log()).toBe(0);
    });
  });
});

it('no lease is written where it is off, and that is said', async () => {
  await using site = new Site();
  const life = await site.run(['add=1'], { flags: ['--lease=off'] });
  expect(life.code, life.log()).toBe(0);
  expect(life.log()).toContain('the lease is off');
  expect(existsSync(join(site.replicaFolder('file'), 'lock.json'))).toBe(false);
});

it('a lease that is given back can be read by people beside the files', async () => {
  await using site = new Site();
  expect((await site.run(['add=1'])).code).toBe(0);
  const saved = JSON.parse(readFileSync(join(site.replicaFolder('file'), 'lock.json'), 'utf8'));
  expect(saved).toMatchObject({ generation: 1, expires_at: new Date(0).toISOString(), station: { state: 'released' } });
});
