import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StationError } from '../../../src/errors.ts';
import type { LogFields } from '../../../src/observe/log.ts';
import { bytes, type Milliseconds, milliseconds, type Txid, txid } from '../../../src/quantities.ts';
import type { RemotePosition } from '../../../src/replication/replica/reconcile.ts';
import { replicaLog } from '../../../src/replication/replica/replica-log.ts';
import { ReplicaUploader } from '../../../src/replication/replica/replica-uploader.ts';
import type { UploaderOptions } from '../../../src/replication/replica/uploader-options.ts';
import type { Staging } from '../../../src/replication/staging/staging.ts';
import { limitUploadRate } from '../../../src/storage/rate-limited-store.ts';
import { Bench } from '../support/bench.ts';
import { changeSet, page, snapshotOf, wholeDatabase } from '../support/change-sets.ts';
import { MemoryStore } from '../support/memory-store.ts';

let bench: Bench;
let staging: Staging;
let store: MemoryStore;
let uploaders: ReplicaUploader[];
let told: string[];

beforeEach(async () => {
  bench = new Bench();
  staging = await bench.open();
  store = new MemoryStore();
  uploaders = [];
  told = [];
  await staging.append(wholeDatabase({ 1: page(1), 2: page(2) }));
});
afterEach(async () => {
  await Promise.all(uploaders.map((uploader) => uploader.stop()));
  await bench.dispose();
});

const empty: RemotePosition = { txid: txid(0), listedTxid: txid(0), timestamp: milliseconds(0), fileChecksums: [] };

function start(change: Partial<UploaderOptions> = {}): ReplicaUploader {
  const uploader = new ReplicaUploader({
    store,
    staging,
    remote: empty,
    lease: undefined,
    ask: async () => empty,
    interval: milliseconds(0),
    monotonicClock: () => milliseconds(performance.now()),
    random: () => 0,
    events: {
      uploaded: (file) => told.push(`uploaded ${file.minTxid}-${file.maxTxid}`),
      failed: (error) => told.push(`failed ${error.code}`),
      recovered: () => told.push('recovered'),
      needsSnapshot: (_, above: Txid) => told.push(`needs a snapshot above ${above}`),
      stopped: (error) => told.push(`stopped ${error.code}`),
    },
    ...change,
  });
  uploaders.push(uploader);
  uploader.start();
  return uploader;
}

async function until(condition: () => boolean): Promise<void> {
  const giveUp = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > giveUp) throw new Error(`in vain; told: ${told.join(', ')}`);
    await sleep(5);
  }
}

const append = (fill: number) => staging.append(changeSet({ 2: page(fill) }));
const keyOf = (min: number, max: number, level = 0) =>
  `ltx/${level}/${min.toString(16).padStart(16, '0')}-${max.toString(16).padStart(16, '0')}.ltx`;

describe('an upload', () => {
  it('brings every staged file, in order, each created only if absent', async () => {
    await append(3);
    await append(4);
    const uploader = start();
    await uploader.settled();
    expect(store.puts).toEqual([keyOf(1, 1), keyOf(2, 2), keyOf(3, 3)]);
    expect(uploader.complete).toBe(true);
  });

  it('whose answer was lost is found to have been stored, and not sent as another', async () => {
    let lost = 0;
    store.fate = () => (++lost === 1 ? 'lost' : 'stored');
    const uploader = start();
    await uploader.settled();
    expect([...store.objects.keys()]).toEqual([keyOf(1, 1)]);
    expect(told).toEqual(['failed STORAGE_UNREACHABLE', 'uploaded 1-1', 'recovered']);
  });

  it.each([
    ['as long', (own: Buffer) => Buffer.from(own).fill(7)],
    ['shorter', () => Buffer.from('short')],
    ['longer', (own: Buffer) => Buffer.concat([own, own])],
  ])('that meets another writer’s file, %s, is fenced', async (_, foreign) => {
    const [file] = staging.level0;
    store.objects.set(keyOf(1, 1), foreign(Buffer.alloc(file?.size ?? 0)));
    const uploader = start();
    await uploader.settled();
    expect(uploader.status).toMatchObject({ kind: 'stopped', error: { code: 'FENCED', exitStatus: 76 } });
    expect(told).toEqual(['stopped FENCED']);
  });

  it('is tried again, less and less often, and arrives when the store recovers', async () => {
    let isDown = true;
    store.fate = () => (isDown ? 'unreachable' : 'stored');
    const uploader = start();
    await until(() => told.length >= 2);
    expect(store.puts).toHaveLength(2);
    await append(3);
    uploader.wake();
    await sleep(100);
    // A commit does not cut the pause short.
    expect(store.puts).toHaveLength(2);
    isDown = false;
    await uploader.settled();
    expect(told.slice(-3)).toEqual(['uploaded 1-1', 'recovered', 'uploaded 2-2']);
  });

  it('that hangs when the drain begins is begun anew on another connection', async () => {
    let hung = 0;
    store.fate = () => (++hung === 1 ? 'hang' : 'stored');
    const uploader = start();
    await until(() => store.puts.length === 1);
    uploader.hurry();
    await uploader.settled();
    expect(uploader.complete).toBe(true);
  });

  it('that is held up by its limit on the rate goes on at full speed in the drain', async () => {
    const clock = () => milliseconds(0);
    const uploader = start({ store: limitUploadRate(store, bytes(1), clock) });
    await until(() => store.puts.length === 1);
    expect(store.objects.size).toBe(0);
    uploader.hurry();
    await uploader.settled();
    expect(uploader.complete).toBe(true);
    expect(store.puts).toHaveLength(1);
  });

  it('that hangs for ever ends with the stop', async () => {
    store.fate = () => 'hang';
    const uploader = start();
    await until(() => store.puts.length === 1);
    await uploader.stop();
    expect(uploader.complete).toBe(false);
    expect(uploader.missing.files).toBe(1);
  });
});

describe('a replica that waits after a failure', () => {
  it('is tried at once when the drain begins', async () => {
    let isDown = true;
    store.fate = () => (isDown ? 'unreachable' : 'stored');
    const uploader = start({ random: () => 0.999 });
    await until(() => told.length >= 2);
    isDown = false;
    const began = performance.now();
    uploader.hurry();
    await uploader.settled();
    expect(uploader.complete).toBe(true);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

describe('a replica with a longer interval', () => {
  it('gets what has gathered together, not one file per interval', async () => {
    const uploader = start({ interval: milliseconds(1_000) });
    await until(() => uploader.complete);
    for (let fill = 3; fill < 10; fill += 1) await append(fill);
    uploader.wake();
    await sleep(200);
    expect(store.puts).toHaveLength(1);
    await until(() => uploader.complete);
    expect(store.puts).toHaveLength(8);
  });

  it('gets a rare commit at once, and everything at once in the drain', async () => {
    const uploader = start({ interval: milliseconds(60_000) });
    await until(() => uploader.complete);
    await append(3);
    uploader.hurry();
    await uploader.settled();
    expect(uploader.complete).toBe(true);
  });
});

describe('a replica that needs the whole database', () => {
  const behind: RemotePosition = { ...empty, txid: txid(1), listedTxid: txid(1), fileChecksums: ['unknown'] };

  it('asks for a snapshot above what it holds, and goes on from there', async () => {
    const uploader = start({ remote: behind });
    await until(() => told.includes('needs a snapshot above 1'));
    await append(3);
    await staging.stageSnapshot(snapshotOf({ 1: page(1), 2: page(3) }));
    await append(4);
    uploader.wake();
    await until(() => uploader.complete);
    expect(store.puts).toEqual([keyOf(1, 2, 9), keyOf(3, 3)]);
  });

  it('does not hold up the end of the drain when no snapshot comes any more', async () => {
    const uploader = start({ remote: behind });
    uploader.hurry();
    await uploader.settled();
    expect(uploader.complete).toBe(false);
  });

  it('because the cap has taken its files while it was down asks only once it answers', async () => {
    let isDown = false;
    store.fate = () => (isDown ? 'unreachable' : 'stored');
    const ask = async () => {
      if (isDown) throw new StationError('STORAGE_UNREACHABLE', 'ECONNREFUSED');
      return { ...empty, txid: txid(1), listedTxid: txid(1), fileChecksums: staging.level0.map((f) => f.fileChecksum) };
    };
    const uploader = start({ ask });
    await until(() => uploader.complete);
    isDown = true;
    for (let fill = 3; fill < 8; fill += 1) await append(fill);
    uploader.wake();
    await until(() => uploader.health.kind === 'failing');
    const { reader } = uploader;
    await staging.tidy(reader === undefined ? [] : [reader], milliseconds(1) as never, 'in-batches');
    await until(() => told.filter((line) => line.startsWith('failed')).length >= 3);
    expect(told.some((line) => line.startsWith('needs'))).toBe(false);
    // It is still down: more files may be dropped for it.
    expect(uploader.reader).toMatchObject({ reachable: false });
    isDown = false;
    await until(() => told.some((line) => line.startsWith('needs')));
  });
});

describe('the log of a replica', () => {
  it('tells of an error at most every 30 seconds, also of one that comes and goes', () => {
    const lines: string[] = [];
    let now = 0;
    const add = (level: string) => (message: string, _fields?: LogFields) => {
      if (level !== 'debug') lines.push(`${level} ${message}`);
    };
    const log = { debug: add('debug'), info: add('info'), warn: add('warn'), error: add('error'), with: () => log };
    const events = replicaLog(log, (): Milliseconds => milliseconds(now));
    for (; now < 29_000; now += 1_000) {
      events.failed(new StationError('STORAGE_DENIED', 'AccessDenied: Access Denied'), milliseconds(1_000));
      events.recovered(1);
    }
    expect(lines).toEqual(['error failed to sync: AccessDenied: Access Denied', 'info replica answers again']);
    now = 31_000;
    events.failed(new StationError('STORAGE_DENIED', 'AccessDenied: Access Denied'), milliseconds(1_000));
    expect(lines).toHaveLength(3);
  });
});

describe('a staged file that was changed on disk', () => {
  it('is not sent as something else: its promise of size is kept', async () => {
    const [file] = staging.level0;
    writeFileSync(file?.path ?? '', 'x');
    start();
    await until(() => told.includes('failed STAGING_FAILED'));
    expect(store.objects.size).toBe(0);
  });
});

describe('somebody who waits for a TXID', () => {
  const patience = () => AbortSignal.timeout(20_000);

  it('is told when it is there: between two batches, and at once also after a failure', async () => {
    const uploader = start({ interval: milliseconds(3_600_000), random: () => 1 });
    expect(await uploader.reach(txid(1), patience())).toBe(true);
    await append(3);
    uploader.wake();
    await until(() => uploader.position === 2);
    await append(4);
    uploader.wake();
    await sleep(20);
    expect(uploader.position).toBe(2);
    expect(await uploader.reach(txid(3), patience())).toBe(true);
    store.put = () => Promise.reject(new StationError('STORAGE_UNREACHABLE', 'down'));
    await append(5);
    expect(await uploader.reach(txid(4), AbortSignal.timeout(100))).toBe(false);
    await until(() => told.includes('failed STORAGE_UNREACHABLE'));
    Reflect.deleteProperty(store, 'put');
    const began = performance.now();
    expect(await uploader.reach(txid(4), patience())).toBe(true);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('is told when it never will be', async () => {
    const uploader = start();
    await uploader.settled();
    const waiting = uploader.reach(txid(9), patience());
    uploader.fence(new StationError('FENCED', 'another goes on'));
    expect(await waiting).toBe(false);
    expect(await uploader.reach(txid(1), patience())).toBe(false);
  });
});
