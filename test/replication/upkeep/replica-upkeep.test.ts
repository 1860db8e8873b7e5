import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StationError } from '../../../src/errors.ts';
import { bytes, milliseconds, type Txid, txid } from '../../../src/quantities.ts';
import { heldFilesOf } from '../../../src/replication/levels/held-files.ts';
import { DatabaseSnapshots } from '../../../src/replication/upkeep/database-snapshots.ts';
import { MergedFiles } from '../../../src/replication/upkeep/merged-files.ts';
import { OldBackups } from '../../../src/replication/upkeep/old-backups.ts';
import { ReplicaUpkeep } from '../../../src/replication/upkeep/replica-upkeep.ts';
import type { UpkeepOptions } from '../../../src/replication/upkeep/upkeep-options.ts';
import { takeInventory } from '../../../src/restore/inventory.ts';
import { planRestore } from '../../../src/restore/plan.ts';
import { parseLtxKey } from '../../../src/storage/key-layout.ts';
import { SerialQueue } from '../../../src/wal/serial-queue.ts';
import { flipBit, History } from '../../restore/replica-builder.ts';
import { snapshotOf } from '../support/change-sets.ts';
import { MemoryStore } from '../support/memory-store.ts';

const SECOND = 1000;
const HOUR = 3_600_000;
const PAGE_SIZE = 512;
const START = Date.UTC(2026, 0, 1);
let folder: string;
let store: MemoryStore;
let history: History;
let upkeep: ReplicaUpkeep | undefined;
let told: string[];
/** The wall clock: it stands still unless a test moves it. */
let now: number;
let position: number | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'upkeep-'));
  store = new MemoryStore();
  history = new History({ pageSize: PAGE_SIZE, startedAt: START });
  told = [];
  history.grow(30, 700);
  // A commit a second; the first snapshot ends with the second.
  await history.putMerged(store, 9, 1, 2);
  await history.putLevel0(store);
  store.puts.length = 0;
  store.lastModified = (key) => history.time(parseLtxKey('folder', key)?.maxTxid ?? 0);
  now = history.time(history.newest) + 10 * 60 * SECOND;
  position = history.newest;
});
afterEach(async () => {
  await upkeep?.stop();
  upkeep = undefined;
  history.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The database as the application has it now. */
function takeSnapshot() {
  const state = history.state(history.newest);
  const pages = Array.from({ length: state.byteLength / PAGE_SIZE }, (_, index) => [
    index + 1,
    state.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE),
  ]);
  const snapshot = snapshotOf(Object.fromEntries(pages) as Record<number, Buffer>);
  return { snapshot, txid: txid(history.newest), timestamp: history.time(history.newest) };
}

interface Change extends Partial<Omit<UpkeepOptions, 'settings'>> {
  readonly settings?: Partial<UpkeepOptions['settings']>;
}

function start(change: Change = {}) {
  const merged = new MergedFiles(join(folder, 'levels'));
  const options: UpkeepOptions = {
    replica: 'one',
    store,
    takeListing: () => undefined,
    position: () => position as Txid | undefined,
    permit: undefined,
    level0KeptFrom: () => undefined,
    stagedCopy: () => undefined,
    merged,
    room: () => 1 << 30,
    snapshots: new DatabaseSnapshots(
      join(folder, 'snapshots'),
      async () => takeSnapshot(),
      () => upkeep?.wake(),
    ),
    turn: new SerialQueue(),
    events: {
      merged: ({ level, minTxid, maxTxid }) => told.push(`merged ${level} ${minTxid}-${maxTxid}`),
      snapshot: ({ maxTxid }) => told.push(`snapshot ${maxTxid}`),
      retention: () => undefined,
      retained: ({ going }) => told.push(`gone ${going.length}`),
      legacyRetention: ({ keys }) => told.push(`old going ${keys.length}`),
      legacyRetained: ({ keys }) => told.push(`old gone ${keys.length}`),
      undeleted: (keys) => told.push(`undeleted ${keys.length}`),
      damaged: (error) => told.push(`damaged ${error.code}`),
      failed: (error) => told.push(`failed ${error.code}`),
      fenced: (error) => told.push(`fenced ${error.code}`),
    },
    wallClock: () => milliseconds(now),
    monotonicClock: () => milliseconds(performance.now()),
    random: () => 0,
    ...change,
    settings: {
      mergeIntervals: [30 * SECOND, 300 * SECOND].map(milliseconds),
      snapshotInterval: milliseconds(24 * HOUR),
      level0Duration: milliseconds(300 * SECOND),
      level0CheckInterval: milliseconds(15 * SECOND),
      retention: { enabled: true, duration: milliseconds(24 * HOUR), checkInterval: milliseconds(HOUR) },
      ...change.settings,
    },
  };
  upkeep = new ReplicaUpkeep(options);
  upkeep.start();
  return upkeep;
}

async function until(condition: () => boolean): Promise<void> {
  const giveUp = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > giveUp) throw new Error(`in vain; told: ${told.join(', ')}`);
    await sleep(5);
  }
}

/** Minutes go by until this holds. */
async function passing(one: ReplicaUpkeep, condition: () => boolean, step = 60 * SECOND): Promise<void> {
  for (let steps = 0; !condition(); steps += 1) {
    if (steps > 1000) throw new Error(`in vain; told: ${told.join(', ')}`);
    now += step;
    one.wake();
    await sleep(5);
  }
}

async function hoursPass(one: ReplicaUpkeep, count: number): Promise<void> {
  for (let hours = 0; hours < count; hours += 1) {
    now += HOUR;
    one.wake();
    await sleep(20);
  }
}

/** Every level-0 file has been put by this process. */
function tellOfUploads(one: ReplicaUpkeep): void {
  for (const [key, content] of store.objects) {
    const name = parseLtxKey('folder', key);
    if (name?.level !== 0) continue;
    const fileChecksum = content.subarray(-8).toString('hex');
    const size = bytes(content.byteLength);
    one.uploaded({ ...name, path: '', size, timestamp: history.time(name.maxTxid), fileChecksum });
  }
}

const asked = (kind: string) => store.asked.filter((one) => one.startsWith(kind)).length;
const keys = (level: number) => [...store.objects.keys()].filter((key) => key.startsWith(`ltx/${level}/`));

/** Every TXID that can be restored has a plan; the newest is the last commit. */
async function expectNewest(): Promise<void> {
  const result = planRestore(await takeInventory(store, new AbortController().signal), { kind: 'newest' });
  expect(result).toMatchObject({ kind: 'plan', plan: { txid: history.newest, unreachable: undefined } });
}

/** No retention. */
const off = { enabled: false, duration: milliseconds(HOUR), checkInterval: milliseconds(HOUR) };

describe('a replica', () => {
  it('is listed once, and not read where the staging folder has its files', async () => {
    const copies = new Map<number, string>();
    for (const [key, content] of store.objects) {
      const name = parseLtxKey('folder', key);
      const path = join(folder, `${name?.maxTxid}.ltx`);
      if (name?.level === 0) copies.set(name.maxTxid, path);
      if (name?.level === 0) writeFileSync(path, content);
    }
    const one = start({
      stagedCopy: (file) => copies.get(file.maxTxid),
      settings: { retention: { enabled: false, duration: milliseconds(HOUR), checkInterval: milliseconds(HOUR) } },
    });
    tellOfUploads(one);
    await until(() => told.length > 0);
    expect(told).toEqual(['merged 1 3-31']);
    expect([asked('list'), asked('get')]).toEqual([1, 0]);
    await expectNewest();
  });

  it('that the start has listed is not listed again, and what was put since is known', async () => {
    const listing = await takeInventory(store, new AbortController().signal);
    const { length } = store.asked;
    history.grow(1);
    await history.putLevel0(store, history.newest);
    position = history.newest;
    const one = start({ takeListing: () => listing, settings: { retention: off } });
    const [key = ''] = keys(0).slice(-1);
    const content = store.objects.get(key) ?? Buffer.alloc(0);
    const range = { minTxid: txid(32), maxTxid: txid(32), size: bytes(content.byteLength) };
    one.uploaded({ level: 0, path: '', ...range, timestamp: history.time(32), fileChecksum: '' });
    await until(() => told.length > 0);
    expect(told).toEqual(['merged 1 3-32']);
    expect(store.asked.slice(length).filter((what) => what.startsWith('list'))).toEqual([]);
    await expectNewest();
  });

  it('that the start has listed is listed again once that is long ago', async () => {
    const listing = await takeInventory(store, new AbortController().signal);
    let elapsed = 0;
    position = undefined;
    const one = start({
      takeListing: () => listing,
      monotonicClock: () => milliseconds(elapsed),
      settings: { retention: off },
    });
    await sleep(20);
    elapsed = 61 * SECOND;
    position = history.newest;
    one.wake();
    await until(() => told.length > 0);
    expect(asked('list')).toBe(2);
  });

  it('that nothing is appended to is left alone, and looked at again once something is', async () => {
    position = undefined;
    const one = start();
    await sleep(50);
    expect([told, asked('list')]).toEqual([[], 0]);
    position = history.newest;
    one.wake();
    await until(() => told.length > 0);
    expect(told[0]).toBe('merged 1 3-31');
  });

  it('is neither written to nor deleted from without the lease', async () => {
    const refused = new StationError('LEASE_HELD', 'another has it');
    start({ permit: { admit: () => Promise.reject(refused) } });
    await until(() => told.length > 0);
    expect(told).toEqual(['failed LEASE_HELD']);
    expect(store.puts).toEqual([]);
    expect(asked('delete')).toBe(0);
  });
});

describe('a merge', () => {
  it('whose answer was lost is found to be stored, and not made again under another name', async () => {
    let lost = 0;
    store.fate = () => (++lost === 1 ? 'lost' : 'stored');
    const one = start();
    await until(() => told.length > 0);
    // Before the next try the replica has got more: the name must stay.
    history.grow(1);
    await history.putLevel0(store, history.newest);
    one.uploaded({
      level: 0,
      path: '',
      minTxid: txid(32),
      maxTxid: txid(32),
      size: 500 as never,
      timestamp: history.time(32),
      fileChecksum: '',
    });
    await until(() => told.length > 1);
    expect(told.slice(0, 2)).toEqual(['failed STORAGE_UNREACHABLE', 'merged 1 3-31']);
    expect(keys(1)).toHaveLength(1);
    await expectNewest();
  });

  it('that meets another writer’s file is fenced', async () => {
    store.fate = (key) => {
      if (!store.objects.has(key)) store.objects.set(key, Buffer.from('another'));
      return 'stored';
    };
    start();
    await until(() => told.length > 0);
    expect(told).toEqual(['fenced FENCED']);
  });

  it('goes around a damaged file, and a snapshot leads past it', async () => {
    const [key = ''] = keys(0).filter((one) => one.includes('0000000000000010-'));
    store.objects.set(key, flipBit(store.objects.get(key) ?? Buffer.alloc(0)));
    start();
    await until(() => told.some((one) => one.startsWith('snapshot')));
    expect(told[0]).toMatch(/^damaged LTX_/);
    expect(told).toContain('merged 1 3-15');
    await until(() => told.includes('snapshot 31'));
  });

  it('takes from the replica what the disk has damaged', async () => {
    const broken = join(folder, 'broken.ltx');
    writeFileSync(broken, flipBit(store.objects.get(keys(0)[9] ?? '') ?? Buffer.alloc(0)));
    let copies = 0;
    const one = start({
      stagedCopy: (file) => {
        if (file.maxTxid !== 10) return undefined;
        copies += 1;
        return broken;
      },
    });
    tellOfUploads(one);
    await until(() => told.length > 0);
    expect([told[0], copies]).toEqual(['merged 1 3-31', 1]);
  });

  it('whose upload failed stays on this disk until it is known, however little room there is', async () => {
    const merged = new MergedFiles(join(folder, 'levels'));
    let failures = 0;
    store.fate = () => (++failures === 1 ? 'unreachable' : 'stored');
    start({ merged, room: () => 0 });
    await until(() => told.length > 0);
    // Another replica of the same database has merged something.
    await merged.tidy(0);
    await until(() => told.length > 1);
    expect(told.slice(0, 2)).toEqual(['failed STORAGE_UNREACHABLE', 'merged 1 3-31']);
  });

  it('that vanished from this disk before it was uploaded is made once more', async () => {
    let failures = 0;
    store.fate = () => (++failures === 1 ? 'unreachable' : 'stored');
    start();
    await until(() => told.length > 0);
    rmSync(join(folder, 'levels'), { recursive: true });
    await until(() => told.some((line) => line.startsWith('merged')));
    expect(told.slice(0, 3)).toEqual(['failed STORAGE_UNREACHABLE', 'failed STAGING_FAILED', 'merged 1 3-31']);
    await expectNewest();
  });

  it('whose files may not be read holds up neither snapshots nor retention', async () => {
    const { get } = store;
    store.get = (key, options) => {
      if (key.startsWith('ltx/0')) throw new StationError('STORAGE_DENIED', 'AccessDenied: Access Denied');
      return get.call(store, key, options);
    };
    const one = start();
    await until(() => told.length > 0);
    await passing(one, () => told.includes('snapshot 31'), HOUR);
    await passing(one, () => told.some((line) => line.startsWith('gone')), HOUR);
    expect(told[0]).toBe('failed STORAGE_DENIED');
    expect(told.some((line) => line.startsWith('merged'))).toBe(false);
    await expectNewest();
  });

  it('of a file that somebody deleted lists the replica anew, and a snapshot leads past the gap', async () => {
    const [gone = ''] = keys(0).slice(20);
    const get = store.get.bind(store);
    store.get = (key, options) => {
      if (key === gone) store.objects.delete(gone);
      return get(key, options);
    };
    start();
    await until(() => told.some((one) => one.startsWith('snapshot')));
    expect(told).toEqual(['failed STORAGE_NOT_FOUND', 'merged 1 3-20', 'snapshot 31']);
    await expectNewest();
  });
});

describe('a snapshot', () => {
  const isOf = (level: number) => (key: string) => key.startsWith(`ltx/${level}/`);

  /** Past the interval of the one that is there. */
  function startLate(change: Change = {}): ReplicaUpkeep {
    now += 30 * HOUR;
    return start({ ...change, settings: { mergeIntervals: [], retention: off, ...change.settings } });
  }

  it('whose upload fails is sent again, not read again from the database', async () => {
    let [taken, failures] = [0, 0];
    const take = async () => {
      taken += 1;
      return takeSnapshot();
    };
    store.fate = (key) => (isOf(9)(key) && ++failures <= 2 ? 'unreachable' : 'stored');
    startLate({ snapshots: new DatabaseSnapshots(join(folder, 'snapshots'), take, () => undefined) });
    await until(() => told.includes('snapshot 31'));
    expect(told).toEqual(['failed STORAGE_UNREACHABLE', 'failed STORAGE_UNREACHABLE', 'snapshot 31']);
    expect(taken).toBe(1);
    await expectNewest();
  });

  it('is broken off where the disk would be left full, and lets go of the database and of what it wrote', async () => {
    const taken = takeSnapshot();
    let asked = 0;
    const room = async () => {
      asked += 1;
      if (asked > 2) throw new StationError('STAGING_FAILED', 'the disk is nearly full');
    };
    const at = join(folder, 'snapshots');
    startLate({
      snapshots: new DatabaseSnapshots(
        at,
        async () => taken,
        () => undefined,
        room,
      ),
    });
    await until(() => told.length > 0);
    expect(told).toEqual(['failed STAGING_FAILED']);
    expect(taken.snapshot.released()).toBe(1);
    expect(readdirSync(at, { recursive: true }).filter((name) => String(name).includes('.ltx'))).toEqual([]);
    await sleep(100);
    // The next try is not a matter of seconds: it reads the database once more.
    expect(told).toHaveLength(1);
  });

  it('that comes first makes what is below it no merge’s business: it need not stay staged', async () => {
    store.objects.delete(keys(9)[0] ?? '');
    const later = start({ settings: { mergeIntervals: [1e12].map(milliseconds), retention: off } });
    await until(() => asked('list') === 1);
    await sleep(20);
    expect(later.mergedUpTo).toBeUndefined();
    await later.stop();
    store.fate = (key) => (isOf(9)(key) ? 'hang' : 'stored');
    const one = start();
    await until(() => store.puts.some(isOf(9)));
    // What comes after the one under way will be merged.
    expect(one.mergedUpTo).toBe(31);
  });

  it('that was under way when something newer was found damaged is followed by another', async () => {
    const release = Promise.withResolvers<void>();
    let isUnderWay = false;
    const put = store.put.bind(store);
    store.put = async (key, body, options) => {
      isUnderWay ||= isOf(9)(key);
      if (isOf(9)(key)) await release.promise;
      await put(key, body, options);
    };
    const one = startLate({ settings: { mergeIntervals: [30 * SECOND].map(milliseconds) } });
    await until(() => isUnderWay);
    history.grow(20);
    await history.putLevel0(store, 32, history.newest);
    const [damaged = ''] = keys(0).slice(-10);
    store.objects.set(damaged, flipBit(store.objects.get(damaged) ?? Buffer.alloc(0)));
    position = history.newest;
    for (const key of keys(0).slice(-20)) {
      const name = parseLtxKey('folder', key);
      if (name === undefined) continue;
      const size = bytes(store.objects.get(key)?.byteLength ?? 0);
      one.uploaded({ ...name, path: '', size, timestamp: history.time(name.maxTxid), fileChecksum: '' });
    }
    await passing(one, () => told.some((line) => line.startsWith('damaged')));
    release.resolve();
    await until(() => told.includes('snapshot 51'));
    expect(told.filter((line) => line.startsWith('snapshot'))).toEqual(['snapshot 31', 'snapshot 51']);
  });
});

describe('deletions', () => {
  const isMerged = () => told.some((one) => one.startsWith('merged'));

  it('are looked after once, and cost no request any more when all has gone', async () => {
    const one = start();
    await until(isMerged);
    await passing(one, () => told.some((line) => line.startsWith('gone')));
    // The newest stays, for stock Litestream; below the snapshot nothing was merged.
    expect(keys(0).map((key) => parseLtxKey('folder', key)?.maxTxid)).toEqual([1, 2, 31]);
    await until(() => asked('list ltx') === 2);
    await hoursPass(one, 5);
    expect([asked('list ltx'), asked('list'), asked('delete')]).toEqual([2, 3, 1]);
    await expectNewest();
  });

  it('that a store only confirms are tried once more, then told of by name, and given up', async () => {
    store.remove = () => undefined;
    const one = start();
    await until(isMerged);
    await passing(one, () => told.some((line) => line.startsWith('undeleted')));
    expect(told.slice(-2)).toEqual(['gone 28', 'undeleted 28']);
    await hoursPass(one, 5);
    expect(asked('delete')).toBe(2);
    await expectNewest();
  });

  it('go on beside a file too small to be LTX, on which nothing may rest', async () => {
    const stub = 'ltx/9/0000000000000001-0000000000000014.ltx';
    store.objects.set(stub, Buffer.from('a stub!'));
    store.lastModified = () => history.time(20);
    const one = start({ settings: { snapshotInterval: milliseconds(1_000 * HOUR) } });
    await until(isMerged);
    await hoursPass(one, 60);
    expect(told.filter((line) => line.startsWith('failed'))).toEqual([]);
    expect(store.objects.has(stub)).toBe(true);
    await expectNewest();
  });

  it('are not made by a clock that has jumped, before it has told the same for a day', async () => {
    // Snapshots of three days; two of retention.
    history.grow(2);
    await history.putLevel0(store, 32, 33);
    for (const number of [32, 33]) await history.putMerged(store, 9, 1, number);
    const took = new Map([2, 32, 33].map((number, day) => [number, START + day * 24 * HOUR]));
    store.lastModified = (key) => took.get(parseLtxKey('folder', key)?.maxTxid ?? 0) ?? START;
    position = 33;
    now = START + 2 * 24 * HOUR + HOUR;
    let elapsed = 0;
    const settings = { mergeIntervals: [], retention: { ...off, enabled: true, duration: milliseconds(48 * HOUR) } };
    const one = start({ monotonicClock: () => milliseconds(elapsed), settings });
    await until(() => asked('list generations/') === 1);
    expect(keys(9)).toHaveLength(3);
    now += 1000 * HOUR;
    const hourGoesBy = async () => {
      one.wake();
      await sleep(20);
      elapsed += HOUR;
      now += HOUR;
    };
    for (let hour = 0; hour < 23; hour += 1) await hourGoesBy();
    expect(keys(9)).toHaveLength(3);
    for (let hour = 0; hour < 5; hour += 1) await hourGoesBy();
    expect(keys(9)).toHaveLength(1);
    await expectNewest();
  });

  it('spare level-0 files after a take-over', async () => {
    const one = start({ level0KeptFrom: () => txid(25) });
    await until(isMerged);
    await hoursPass(one, 5);
    expect(keys(0)).toHaveLength(31);
  });

  it('go by the times inside the files, where an outage had them stored all at once', async () => {
    // 31 commits, one in ten minutes, that came to the store within a moment.
    history.close();
    history = new History({ pageSize: PAGE_SIZE, startedAt: START });
    history.grow(30, 700);
    store.objects.clear();
    const spread = (number: number) => START + number * 600 * SECOND;
    history.time = (number) => milliseconds(spread(number));
    await history.putMerged(store, 9, 1, 2);
    await history.putLevel0(store);
    await history.putMerged(store, 1, 3, 31);
    store.lastModified = () => spread(31);
    now = spread(31) + HOUR;
    const one = start();
    await until(() => asked('get') > 0);
    await hoursPass(one, 5);
    expect(keys(0)).toHaveLength(31);
  });
});

describe('backups of Litestream 0.3 beside the chain', () => {
  const name = 'generations/0123456789abcdef';
  const old = [
    `${name}/snapshots/00000000.snapshot.lz4`,
    `${name}/wal/00000000_00000000.wal.lz4`,
    `${name}/wal/00000000_00001000.wal.lz4`,
    `${name}/wal/00000001.wal`,
    `${name}/wal/00000001.wal.lz4`,
  ];
  const foreign = ['generations/README', `${name}/wal/notes.txt`, 'generations/0123/wal/00000000.wal', `${name}/lock`];
  const present = () => [...store.objects.keys()].filter((key) => key.startsWith('generations/'));
  /** The last object is from this long after the first commit; the chain's snapshot was taken two seconds after that. */
  function putOld(end: number, more: readonly string[] = foreign) {
    for (const key of [...old, ...more]) store.objects.set(key, Buffer.from('old'));
    const ofChain = store.lastModified;
    store.lastModified = (key) =>
      old.includes(key) ? START + end - 9 * SECOND + old.indexOf(key) * SECOND : ofChain(key);
  }
  const never = { snapshotInterval: milliseconds(1e13) };

  it('where there are none, they are looked for once, also after others have had the replica', async () => {
    const one = start();
    await until(() => asked('list generations/') === 1);
    await passing(one, () => told.some((line) => line.startsWith('gone')));
    position = undefined;
    one.wake();
    await sleep(20);
    position = history.newest;
    await hoursPass(one, 5);
    expect(asked('list generations/')).toBe(1);
  });

  it('go once an LTX snapshot that is newer reaches back beyond the retention, not before, and no request looks for them', async () => {
    putOld(0);
    const one = start({ settings: never });
    const end = history.time(2) + 25 * HOUR;
    await until(() => asked('list generations/') === 1);
    while (now + HOUR < end) await hoursPass(one, 1);
    expect(present()).toHaveLength(old.length + foreign.length);
    const lists = asked('list');
    await hoursPass(one, 1);
    await passing(one, () => told.includes('old gone 5'));
    expect(present()).toEqual(foreign);
    // Two folders are looked at: whether they have gone.
    await until(() => asked('list') - lists >= 2);
    const { length } = store.asked;
    await hoursPass(one, 10);
    expect(store.asked.slice(length)).toEqual([]);
    await expectNewest();
  });

  it('stay, however old, while only older LTX snapshots are there: then they hold the newest state', async () => {
    putOld(60 * SECOND);
    const one = start({ settings: never });
    await hoursPass(one, 40);
    expect(present()).toHaveLength(old.length + foreign.length);
    expect(told.some((line) => line.startsWith('old'))).toBe(false);
  });

  it('stay while the snapshot that stands in for them cannot be read, which is told, and go by the next one', async () => {
    putOld(0);
    const [key = ''] = keys(9);
    store.objects.set(key, Buffer.alloc(store.objects.get(key)?.byteLength ?? 0));
    const one = start({ settings: never });
    await until(() => asked('list generations/') === 1);
    await passing(one, () => told.includes('old gone 5'), HOUR);
    expect(told.slice(-4)).toEqual(['damaged LTX_INVALID', 'snapshot 31', 'old going 5', 'old gone 5']);
    expect(present()).toEqual(foreign);
  });

  it('are not deleted without the lease', async () => {
    putOld(0);
    const lost = new StationError('LEASE_HELD', 'another has it');
    // Lost at the last moment: what comes before has been let through.
    const admit = async () => (told.includes('old going 5') ? Promise.reject(lost) : undefined);
    const one = start({ permit: { admit: admit as never }, settings: never });
    await until(() => asked('list generations/') === 1);
    await passing(one, () => told.includes('failed LEASE_HELD'), HOUR);
    expect(present()).toHaveLength(old.length + foreign.length);
  });

  it('that a store only confirms to have deleted are tried once more, then told of, and given up', async () => {
    putOld(0);
    store.remove = (key) => void (key.startsWith('generations/') || store.objects.delete(key));
    const one = start({ settings: never });
    await until(() => asked('list generations/') === 1);
    await passing(one, () => told.includes('undeleted 5'), HOUR);
    const deletes = asked('delete');
    await hoursPass(one, 10);
    expect([asked('delete'), told.filter((line) => line === 'old gone 5')]).toEqual([deletes, ['old gone 5']]);
  });

  it('of which there are too many to remember go part by part, and only when all may', async () => {
    putOld(0);
    const backups = new OldBackups(
      store,
      { enabled: true, duration: milliseconds(HOUR), checkInterval: milliseconds(HOUR) },
      2,
    );
    const { signal } = new AbortController();
    const held = heldFilesOf(await takeInventory(store, signal));
    for (now = START; present().length > foreign.length; now += HOUR / 4) {
      for (;;) {
        const next = backups.next(held, milliseconds(now));
        if (next.kind !== 'due') break;
        if (next.step === 'list') await backups.list(signal);
        else {
          const { plan } = await backups.plan(held, milliseconds(now), signal);
          expect(plan.keys.length).toBeLessThanOrEqual(2);
          expect(now).toBeGreaterThanOrEqual(history.time(2) + 2 * HOUR);
          await store.delete(plan.keys);
          backups.deleted(plan);
        }
      }
      expect(now).toBeLessThan(START + 10 * HOUR);
    }
    expect(present()).toEqual(foreign);
  });
});
