import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StationError } from '../../../src/errors.ts';
import { bytes, milliseconds, txid } from '../../../src/quantities.ts';
import type { ReplicaUploader } from '../../../src/replication/replica/replica-uploader.ts';
import type { Staging } from '../../../src/replication/staging/staging.ts';
import { SyncLoop, type SyncOptions } from '../../../src/replication/sync/sync-loop.ts';
import { Bench, fillsOf } from '../support/bench.ts';
import { changeSet, page } from '../support/change-sets.ts';
import { FakeFollower } from '../support/fake-follower.ts';

let bench: Bench;
let staging: Staging;
let follower: FakeFollower;
let loop: SyncLoop | undefined;
let errors: StationError[];

beforeEach(async () => {
  bench = new Bench();
  staging = await bench.open();
  follower = new FakeFollower();
  errors = [];
  loop = undefined;
});
afterEach(async () => {
  await loop?.finish().catch(() => undefined);
  await bench.dispose();
});

function start(change: Partial<SyncOptions> = {}): SyncLoop {
  loop = new SyncLoop({
    follower,
    staging,
    uploaders: [],
    interval: milliseconds(1_000),
    stagingMaxBytes: bytes(1 << 30),
    events: { captured: () => {}, failed: (error) => errors.push(error), dropped: () => {} },
    monotonicClock: () => milliseconds(performance.now()),
    random: () => 0,
    ...change,
  });
  loop.start();
  return loop;
}

function commit(to = loop): void {
  follower.commits += 1;
  to?.committed();
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const giveUp = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > giveUp) throw new Error(`waited in vain until ${what}; ${errors.map((error) => error.message)}`);
    await sleep(2);
  }
}

describe('commits', () => {
  it('are staged at once after a quiet time, then at most once per interval', async () => {
    start();
    const began = performance.now();
    commit();
    await until('the first is staged', () => staging.position.txid === 1);
    expect(performance.now() - began).toBeLessThan(500);
    for (let count = 0; count < 50; count += 1) commit();
    await sleep(300);
    expect(staging.position.txid).toBe(1);
    await until('the next is staged', () => staging.position.txid === 2);
    expect(performance.now() - began).toBeGreaterThan(990);
    expect(follower.asked).toBe(2);
  });

  it('are staged at once after a look that found nothing, as at every start', async () => {
    start({ interval: milliseconds(60_000) });
    loop?.syncSoon();
    await until('it has looked', () => follower.asked === 1);
    commit();
    await until('the commit is staged', () => staging.position.txid === 1);
  });

  it('are staged at once when told to sync now', async () => {
    start({ interval: milliseconds(60_000) });
    commit();
    await until('the first is staged', () => staging.position.txid === 1);
    commit();
    loop?.syncSoon();
    await until('the second is staged', () => staging.position.txid === 2);
  });

  it('cost nothing when there are none', async () => {
    start();
    await sleep(300);
    expect(follower.asked).toBe(0);
  });

  it('of the very end are staged by the last capture', async () => {
    const running = start({ interval: milliseconds(60_000) });
    commit();
    await until('the first is staged', () => staging.position.txid === 1);
    follower.commits += 1;
    await running.finish();
    expect(await fillsOf(staging.level0[1] ?? { path: '' })).toEqual({ 1: 1, 2: 2 });
    expect(follower.handedOver.map((one) => one.released())).toEqual([1, 1]);
  });

  it('are left to the next start where the loop is abandoned, and nothing stays held', async () => {
    const running = start({ interval: milliseconds(60_000) });
    follower.commits = 1;
    await running.abandon();
    expect(staging.position.txid).toBe(0);
    expect(follower.handedOver.map((one) => one.released())).toEqual([1]);
  });
});

describe('a capture that fails', () => {
  it('is tried again, not once per commit', async () => {
    follower.failure = new Error('the WAL cannot be read');
    start({ interval: milliseconds(0) });
    for (let count = 0; count < 20; count += 1) {
      commit();
      await sleep(10);
    }
    expect(follower.asked).toBe(1);
    follower.failure = undefined;
    await until('it is staged', () => staging.position.txid === 1);
    expect(errors).toHaveLength(1);
  });

  it('while the disk refuses keeps what was taken, and takes no more', async () => {
    start({ interval: milliseconds(0) });
    commit();
    await until('the first is staged', () => staging.position.txid === 1);
    renameSync(bench.folder.level0, `${bench.folder.level0}.away`);
    commit();
    await until('it has failed twice', () => errors.length >= 2);
    follower.commits += 5;
    const { asked } = follower;
    await until('it has failed again', () => errors.length >= 3);
    expect(follower.asked).toBe(asked);
    renameSync(`${bench.folder.level0}.away`, bench.folder.level0);
    await until('all is staged', () => staging.position.txid === 3);
    expect(await fillsOf(staging.level0[2] ?? { path: '' })).toEqual({ 1: 1, 2: 7 });
    expect(errors.every((error) => error.code === 'STAGING_FAILED')).toBe(true);
  });
});

describe('where nothing was committed while we were away', () => {
  it('the new WAL position is saved, so that the next start need not compare every page again', async () => {
    await staging.append(changeSet({ 1: page(1), 2: page(0) }));
    follower.position = { pageSize: 512, salt1: 1, salt2: 2, offset: 32, checksum1: 3, checksum2: 4 };
    start();
    loop?.syncSoon();
    await until('it is saved', () => staging.position.wal !== undefined);
    expect((await bench.load()).content.position).toMatchObject({ txid: 1, wal: follower.position });
  });
});

describe('a snapshot', () => {
  it('is staged above what the replica holds, and its hold on the database let go of', async () => {
    start();
    commit();
    await until('the first is staged', () => staging.position.txid === 1);
    loop?.wantSnapshot(txid(5));
    await until('a snapshot is staged', () => staging.snapshot !== undefined);
    expect(staging.snapshot?.maxTxid).toBe(6);
    expect(follower.snapshots.map((one) => one.released())).toEqual([1]);
  });

  it('that is wanted while there is no database waits for one, and does not spin', async () => {
    follower.exists = false;
    // An uploader asks again each time it is woken and finds none.
    const wake = () => staging.snapshot ?? loop?.wantSnapshot(txid(0));
    const uploader = { wake, reader: undefined } as unknown as ReplicaUploader;
    start({ uploaders: [uploader] });
    loop?.wantSnapshot(txid(0));
    await sleep(200);
    expect(follower.asked).toBeLessThan(5);
    follower.exists = true;
    commit();
    await until('a snapshot is staged', () => staging.snapshot !== undefined);
  });

  it('that cannot be staged does not hold up the syncs', async () => {
    start({ interval: milliseconds(0) });
    commit();
    await until('the first is staged', () => staging.position.txid === 1);
    rmSync(bench.folder.snapshots, { recursive: true });
    loop?.wantSnapshot(txid(0));
    await until('it has failed', () => errors.length > 0);
    for (let count = 0; count < 5; count += 1) {
      const at = staging.position.txid;
      commit();
      await until('a commit is staged', () => staging.position.txid > at);
    }
    expect(follower.snapshots.length).toBeLessThan(4);
    mkdirSync(bench.folder.snapshots);
    await until('the snapshot is staged', () => staging.snapshot !== undefined);
  });
});

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';
if (process.env['CI'] === 'true' && !isRoot) throw new Error('CI must be root: a full disk needs a mount');

describe.runIf(isRoot)('on a disk that is full', () => {
  let disk: string;
  beforeEach(async () => {
    disk = mkdtempSync(join(tmpdir(), 'full-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
    await bench.dispose();
    bench = new Bench(join(disk, 'data'));
    staging = await bench.open();
  });
  afterEach(async () => {
    await loop?.finish().catch(() => undefined);
    loop = undefined;
    await bench.dispose();
    execFileSync('umount', [disk]);
    rmSync(disk, { recursive: true, force: true });
  });

  it('nothing is lost, and syncing goes on when there is room again', async () => {
    start({ interval: milliseconds(0) });
    commit();
    await until('the first is staged', () => staging.position.txid === 1);
    const filler = join(disk, 'filler');
    fill(filler);
    commit();
    await until('it has failed', () => errors.length > 0);
    expect(errors[0]?.message).toContain('ENOSPC');
    commit();
    rmSync(filler);
    await until('all is staged', () => staging.position.txid === 3);
    expect(await fillsOf(staging.level0[2] ?? { path: '' })).toEqual({ 1: 1, 2: 3 });
    expect((await bench.load()).content.level0).toHaveLength(staging.level0.length);
  });

  it('room that finished files take is given back', async () => {
    const uploader = {
      wake: () => {},
      get reader() {
        return { position: staging.position.txid, wantsSnapshot: false, reachable: true };
      },
    } as unknown as ReplicaUploader;
    start({ interval: milliseconds(0), uploaders: [uploader] });
    for (let count = 1; count <= 5; count += 1) {
      commit();
      await until('it is staged', () => staging.position.txid === count);
    }
    expect(bench.names('level0')).toHaveLength(5);
    fill(join(disk, 'filler'));
    commit();
    await until('it is staged in the room of the finished ones', () => staging.position.txid === 6);
  });

  function fill(path: string): void {
    for (let size = 1 << 20; size >= 1; size = Math.floor(size / 2)) {
      try {
        for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
      } catch {
        // No room for so much; for less, perhaps.
      }
    }
  }
});

describe('somebody who asks for a capture', () => {
  it('gets the position that holds what was committed before, without waiting for the interval', async () => {
    start({ interval: milliseconds(3_600_000) });
    commit();
    await until('the first is staged', () => staging.position.txid === 1);
    commit();
    expect(await loop?.capture()).toBe(2);
    // Nothing new: the position holds it already.
    expect(await loop?.capture()).toBe(2);
  });

  it('shares it with the others that ask before it begins', async () => {
    start();
    commit();
    await until('the first is staged', () => staging.position.txid === 1);
    const before = follower.asked;
    commit();
    expect(await Promise.all(Array.from({ length: 50 }, () => loop?.capture()))).toEqual(Array(50).fill(2));
    expect(follower.asked - before).toBeLessThanOrEqual(3);
  });

  it('is told what is in the way', async () => {
    start();
    follower.failure = new Error('the disk is gone');
    await expect(loop?.capture()).rejects.toThrow('the disk is gone');
    follower.failure = undefined;
    commit();
    expect(await loop?.capture()).toBe(1);
    const stopping = loop?.finish();
    await expect(loop?.capture()).rejects.toThrow('being stopped');
    await stopping;
  });

  it('waits for both ends where another database took the place of the one that was followed', async () => {
    start();
    commit();
    await until('the first is staged', () => staging.position.txid === 1);
    const changes = follower.changes.bind(follower);
    let first = true;
    follower.changes = async (options) => {
      const taken = await changes(options);
      const unread = first;
      if (first) follower.commits += 1;
      first = false;
      return { ...taken, unread };
    };
    follower.commits += 1;
    expect(await loop?.capture()).toBe(3);
  });
});

it('each snapshot that is taken has one holder, who alone releases it', async () => {
  start();
  commit();
  const taken = await Promise.all([loop?.takeSnapshot(), loop?.takeSnapshot()]);
  expect(taken[0]?.snapshot).not.toBe(taken[1]?.snapshot);
  for (const one of taken) await one?.snapshot.release();
  expect(follower.snapshots.map((snapshot) => snapshot.released())).toEqual([1, 1]);
});
