/** Backups that the real Litestream 0.3.13 wrote: each moment of them, whole and damaged. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generateIdentity } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { milliseconds } from '../../../src/quantities.ts';
import { decompressFrames } from '../../../src/restore/legacy/decompress.ts';
import { listGeneration, listGenerations } from '../../../src/restore/legacy/generations.ts';
import { planLegacyRetention } from '../../../src/restore/legacy/legacy-retention.ts';
import { previewRestore, restoreDatabase } from '../../../src/restore/restore.ts';
import type { NamedReplica, RestoreTarget } from '../../../src/restore/restore-target.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import { age, copyFixture, type Fixture, type FixtureName } from '../../fixtures/litestream-backups.ts';
import { lz4Frame } from '../../ltx/build-file.ts';
import { flipBit, History } from '../replica-builder.ts';
import { createSite, defaults, type Site, withFaults } from '../site.ts';

let site: Site;
beforeEach(() => {
  site = createSite();
});
afterEach(() => site.remove());

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
const at = (timestamp: number): RestoreTarget => ({ kind: 'timestamp', timestamp: milliseconds(timestamp) });

const escaped = (text: string) => text.replaceAll(/[()]/g, '\\$&');
const iso = (time: number) => new Date(time).toISOString();

interface Backup {
  readonly replica: NamedReplica;
  readonly fixture: Fixture;
  /** Its objects, oldest first. */
  readonly keys: readonly string[];
  path(key: string): string;
}

function backup(name: FixtureName = 'litestream-0.3'): Backup {
  const fixture = copyFixture(name, join(site.folder, 'old'));
  const keys = Object.keys(fixture.times).sort((a, b) => (fixture.times[a] ?? 0) - (fixture.times[b] ?? 0));
  return { replica: site.replica('old'), fixture, keys, path: (key) => join(site.folder, 'old', key) };
}

/** Changes an object, and leaves its time. */
function change(of: Backup, key: string, how: (content: Buffer) => Buffer): void {
  const { atime, mtime } = statSync(of.path(key));
  writeFileSync(of.path(key), how(readFileSync(of.path(key))));
  utimesSync(of.path(key), atime, mtime);
}

async function restored(replica: NamedReplica, target: RestoreTarget): Promise<string> {
  await site.restore([replica], { target, overwrite: true });
  return sha256(site.database());
}

describe('a backup of Litestream 0.3.13', () => {
  test('is restored to its newest state, bit for bit as by itself', async () => {
    const { replica, fixture, keys } = backup();
    const outcome = await site.restore([replica]);
    expect(sha256(site.database())).toBe(fixture.newest);
    expect(outcome.position).toMatchObject({ format: 'litestream-0.3', index: 4, offset: 0, unreachable: 0 });
    expect(outcome.timestamp).toBe(fixture.times[keys.at(-1) ?? '']);
    expect(outcome).toMatchObject({ integrity: 'ok', fellBack: [], txid: 0, pageSize: 512 });
    expect(site.names()).toEqual(['station.db']);
    expect(existsSync(site.checksumFile)).toBe(false);
  });

  test('is restored to every moment, bit for bit as by itself', async () => {
    const { replica, fixture } = backup();
    expect(fixture.moments.length).toBeGreaterThan(8);
    for (const { timestamp, sha256: expected } of fixture.moments) {
      expect(await restored(replica, at(timestamp)), String(timestamp)).toBe(expected);
    }
  });

  test('gives the state of before where nothing was written at a moment', async () => {
    const { replica, fixture } = backup();
    const between = fixture.times['generations/f35f5fbace481038/wal/00000000_00000238.wal.lz4'] ?? 0;
    // The second generation has no snapshot yet; the first has ended.
    expect((await site.restore([replica], { target: at(between) })).position).toMatchObject({
      generation: '04dec9298d08c05c',
      index: 2,
    });
    expect(site.steps.join()).not.toContain('holds nothing later');
  });

  test('gives its newest state for a moment after its end, and says so', async () => {
    const { replica, fixture, keys } = backup();
    const end = fixture.times[keys.at(-1) ?? ''] ?? 0;
    await site.restore([replica], { target: at(end + 1_000) });
    expect(sha256(site.database())).toBe(fixture.newest);
    expect(site.steps).toContain(`old holds nothing later than ${iso(end)}: taken for ${iso(end + 1_000)}`);
  });

  test('is restored by generation and WAL index', async () => {
    const { replica } = backup();
    const target = { kind: 'litestream-0.3', generation: '04dec9298d08c05c', index: 1, timestamp: undefined } as const;
    const outcome = await site.restore([replica], { target });
    expect(outcome.position).toMatchObject({ generation: '04dec9298d08c05c', index: 1, offset: 0x1510 });
    const unknown = { ...target, generation: '0000000000000000' };
    await expect(site.restore([replica], { target: unknown, overwrite: true })).rejects.toThrow(/04dec9298d08c05c/);
  });

  test('knows no TXIDs', async () => {
    const { replica } = backup();
    await expect(site.restore([replica], { target: { kind: 'txid', txid: 3 as never } })).rejects.toThrow(/no TXIDs/);
  });
});

describe('what a backup holds is told where it does not hold what is asked', () => {
  const first = '04dec9298d08c05c';
  const second = 'f35f5fbace481038';
  const timeOf = ({ fixture }: Backup, name: string) => fixture.times[`generations/${name}.lz4`] ?? 0;
  const snapshotAt = (of: Backup, generation: string, index = 0) =>
    timeOf(of, `${generation}/snapshots/0000000${index}.snapshot`);
  /** A snapshot is surely a sound state with the WAL that was written next. */
  const beginOf = (of: Backup, generation: string, index = 0) => {
    const taken = snapshotAt(of, generation, index);
    const after = of.keys.filter((key) => key.includes(`${generation}/wal/`)).map((key) => of.fixture.times[key] ?? 0);
    return after.find((time) => time > taken) ?? taken;
  };
  const endOf = (of: Backup) => of.fixture.times[of.keys.at(-1) ?? ''] ?? 0;
  const held = (from: number, at: string, end: number) =>
    `it holds ${iso(from)} (generation ${at}) to ${iso(end)} (generation ${second}, WAL 00000004)`;

  test('a moment before it: from the beginning of the oldest generation to the end of the newest', async () => {
    const of = backup();
    const begin = beginOf(of, first);
    const before = milliseconds(snapshotAt(of, first) - 1);
    await expect(site.restore([of.replica], { target: at(before) })).rejects.toMatchObject({
      code: 'RESTORE_NOT_AVAILABLE',
      message: expect.stringMatching(
        new RegExp(
          `does not hold a state of ${iso(before)} or before; ${escaped(held(begin, `${first}, WAL 00000000`, endOf(of)))}$`,
        ),
      ),
    });
    expect((await site.restore([of.replica], { target: at(begin) })).timestamp).toBe(begin);
  });

  test('a moment before the generation that is asked for: of that generation alone', async () => {
    const of = backup();
    const begin = beginOf(of, second);
    const target = { kind: 'litestream-0.3', generation: second, index: undefined } as const;
    const before = { ...target, timestamp: milliseconds(snapshotAt(of, second) - 1) };
    await expect(site.restore([of.replica], { target: before })).rejects.toThrow(
      held(begin, `${second}, WAL 00000000`, endOf(of)),
    );
    const outcome = await site.restore([of.replica], { target: { ...target, timestamp: milliseconds(begin) } });
    expect(outcome.position).toMatchObject({ generation: second, index: 0 });
  });

  test('a WAL file before its oldest snapshot: which one can be asked for', async () => {
    const of = backup();
    for (const index of [0, 1]) rmSync(of.path(`generations/${second}/snapshots/0000000${index}.snapshot.lz4`));
    const target = { kind: 'litestream-0.3', generation: second, index: 1, timestamp: undefined } as const;
    const begin = beginOf(of, second, 2);
    await expect(site.restore([of.replica], { target })).rejects.toThrow(
      `does not hold a state up to WAL 00000001; ${held(begin, `${second}, WAL 00000002`, endOf(of))}`,
    );
  });

  test('it begins where a restore does: behind a snapshot that is damaged, and one whose WAL has gone', async () => {
    const of = backup();
    const earliest = snapshotAt(of, first);
    change(of, `generations/${first}/snapshots/00000000.snapshot.lz4`, () => Buffer.alloc(300));
    rmSync(of.path(`generations/${first}/wal/00000001_00000000.wal.lz4`));
    const begin = beginOf(of, first, 2);
    await expect(site.restore([of.replica], { target: at(earliest - 1) })).rejects.toThrow(
      held(begin, `${first}, WAL 00000002`, endOf(of)),
    );
    await expect(site.restore([of.replica], { target: at(begin - 1) })).rejects.toThrow('it holds');
    expect((await site.restore([of.replica], { target: at(begin) })).timestamp).toBe(begin);
  });

  test('beside LTX files that do not hold it either: both', async () => {
    const of = backup();
    const begin = beginOf(of, first);
    const before = milliseconds(snapshotAt(of, first) - 1);
    const chain = new History({ startedAt: endOf(of) + 60_000 });
    try {
      chain.grow(2);
      await chain.putLevel0(of.replica.store);
      await expect(site.restore([of.replica], { target: at(before) })).rejects.toMatchObject({
        code: 'RESTORE_NOT_AVAILABLE',
        message: expect.stringMatching(
          new RegExp(
            `it holds ${iso(chain.time(1))} \\(TXID 0000000000000001\\) to ${iso(chain.time(3))} \\(TXID 0000000000000003\\); ` +
              `and the backup of Litestream 0.3 beside it holds ${iso(begin)} \\(generation ${first}, WAL 00000000\\) to ${iso(endOf(of))} `,
          ),
        ),
      });
      const last = await site.restore([of.replica], { target: at(endOf(of) + 5) });
      expect(last.position).toMatchObject({ format: 'litestream-0.3' });
      expect(site.steps.join()).not.toContain('holds nothing later');
    } finally {
      chain.close();
    }
  });

  test('beside LTX files, a backup of which nothing can be restored is told of', async () => {
    const of = backup();
    for (const key of of.keys.filter((one) => one.includes('/snapshots/'))) change(of, key, () => Buffer.alloc(300));
    const chain = new History({ startedAt: endOf(of) + 60_000 });
    try {
      chain.grow(2);
      await chain.putLevel0(of.replica.store);
      await expect(site.restore([of.replica], { target: at(endOf(of)) })).rejects.toThrow(
        /it holds .*; and of the backup of Litestream 0\.3 beside it nothing can be restored$/,
      );
    } finally {
      chain.close();
    }
  });
});

describe('encrypted with age', () => {
  const open = async (identities: readonly string[], recipients: readonly string[]) => ({
    name: 'old',
    store: await openStore({
      type: 'file',
      path: join(site.folder, 'old'),
      age: { identities, recipients, where: 'litestream.yml' },
    }),
  });

  test('is restored with its identity', async () => {
    const { fixture } = backup('litestream-0.3-age');
    const outcome = await site.restore([await open(age.identities, age.recipients)]);
    expect(sha256(site.database())).toBe(fixture.newest);
    expect(outcome.fellBack).toEqual([]);
  });

  test('is refused, not taken for damaged, without an identity that fits', async () => {
    const { replica } = backup('litestream-0.3-age');
    await expect(site.restore([replica])).rejects.toThrow(/encrypted with age, and this replica has no "age" keys/);
    await expect(site.restore([await open([await generateIdentity()], [])])).rejects.toThrow(
      /encrypted for other keys/,
    );
  });

  test('with any object damaged, that object is named, and nothing of it published', async () => {
    const of = backup('litestream-0.3-age');
    const segment = of.keys.findLast((key) => key.includes('/wal/')) ?? '';
    change(of, segment, flipBit);
    const outcome = await site.restore([await open(age.identities, age.recipients)]);
    expect(outcome.fellBack).toContainEqual(expect.stringContaining(segment));
    expect(outcome.timestamp).toBeLessThan(of.fixture.times[segment] ?? 0);
  });

  test('does not mind objects in the clear of before the keys', async () => {
    const { fixture } = backup();
    await site.restore([await open(age.identities, age.recipients)]);
    expect(sha256(site.database())).toBe(fixture.newest);
  });
});

describe('as 0.3.0 to 0.3.4 kept it in folders, one file for each WAL', () => {
  async function asWholeFiles(of: Backup): Promise<void> {
    const segments = of.keys.filter((key) => key.includes('/wal/'));
    const byFile = Map.groupBy(segments, (key) => key.replace(/_.*/, ''));
    const last = [...byFile.keys()].at(-1);
    for (const [start, keys] of byFile) {
      const parts: Buffer[] = [];
      for (const key of keys.sort()) {
        const stored = (async function* () {
          yield readFileSync(of.path(key));
        })();
        for await (const piece of decompressFrames(stored, key)) parts.push(Buffer.from(piece));
      }
      const time = Math.max(...keys.map((key) => of.fixture.times[key] ?? 0)) / 1000;
      for (const key of keys) rmSync(of.path(key));
      const wal = Buffer.concat(parts);
      const path = of.path(start === last ? `${start}.wal` : `${start}.wal.lz4`);
      // The one that was being written to when its machine died ends within a frame.
      writeFileSync(
        path,
        start === last ? Buffer.concat([wal, wal.subarray(32, 332)]) : lz4Frame(wal, { maxBlock: 7 }),
      );
      utimesSync(path, time, time);
    }
  }

  test('is restored, up to the last whole commit of the raw one', async () => {
    const of = backup();
    await asWholeFiles(of);
    const outcome = await site.restore([of.replica]);
    expect(sha256(site.database())).toBe(of.fixture.newest);
    expect(outcome.fellBack).toEqual([]);
  });
});

describe('a damaged object', () => {
  const damages: readonly (readonly [string, (content: Buffer) => Buffer])[] = [
    ['with a bit turned', flipBit],
    ['cut short', (content) => content.subarray(0, content.length - 7)],
    ['empty', () => Buffer.alloc(0)],
    ['another file', () => Buffer.alloc(500, 'this is not what it was')],
  ];

  /** What the whole backup gives for the moment before an object was written; asked once, whatever is done to it. */
  const before = new Map<string, string>();

  test.each(damages)('%s is named, and the newest state restored that does not need it', async (_, how) => {
    const whole = backup();
    for (const key of whole.keys.filter((one) => /f35.*\/0000000[34]/.test(one))) {
      const timestamp = milliseconds((whole.fixture.times[key] ?? 0) - 1);
      const target = { kind: 'litestream-0.3', generation: 'f35f5fbace481038', index: undefined, timestamp } as const;
      // An older snapshot leads to the end as well.
      const isSnapshot = key.includes('/snapshots/');
      const expected = isSnapshot ? whole.fixture.newest : (before.get(key) ?? (await restored(whole.replica, target)));
      before.set(key, expected);
      const original = readFileSync(whole.path(key));
      change(whole, key, how);
      const outcome = await site.restore([whole.replica], { overwrite: true });
      expect(outcome.fellBack, key).toContainEqual(expect.stringContaining(key));
      expect(sha256(site.database()), key).toBe(expected);
      expect(expected === whole.fixture.newest).toBe(isSnapshot);
      change(whole, key, () => original);
    }
  });

  test('that the newest state does not need stops nothing', async () => {
    const of = backup();
    for (const key of of.keys.filter((one) => !/f35.*\/0000000[34]/.test(one))) change(of, key, flipBit);
    const outcome = await site.restore([of.replica]);
    expect(sha256(site.database())).toBe(of.fixture.newest);
    expect(outcome.fellBack).toEqual([]);
  });

  test('all snapshots damaged: it stops, and nothing is published', async () => {
    const of = backup();
    for (const key of of.keys.filter((one) => one.includes('/snapshots/'))) change(of, key, flipBit);
    await expect(site.restore([of.replica])).rejects.toMatchObject({
      code: 'RESTORE_NO_SOUND_COPY',
      message: expect.stringContaining('no sound snapshot'),
    });
    expect(site.names()).toEqual([]);
  });

  test('a segment missing from the middle of a WAL file is noticed, and the state before it restored', async () => {
    const of = backup();
    for (const key of of.keys.filter((one) => /f35.*(?:snapshots\/0000000[1-4])/.test(one))) rmSync(of.path(key));
    const gone = 'generations/f35f5fbace481038/wal/00000000_00001510.wal.lz4';
    rmSync(of.path(gone));
    const outcome = await site
      .restore([of.replica], {
        target: { kind: 'litestream-0.3', generation: 'f35f5fbace481038', index: undefined, timestamp: undefined },
      })
      .catch((error: unknown) => error);
    // What is left of that WAL ends before the only snapshot was taken: no sound state, and so none at all.
    expect(outcome).toMatchObject({ code: 'RESTORE_NO_SOUND_COPY', message: expect.stringContaining('is missing') });
    expect((await site.restore([of.replica])).position).toMatchObject({ generation: '04dec9298d08c05c' });
  });

  test('a whole WAL file missing: the state before it, and what cannot be reached is told of', async () => {
    const of = backup();
    for (const key of of.keys.filter((one) => /f35.*(?:snapshots\/0000000[1-4]|wal\/00000002)/.test(one)))
      rmSync(of.path(key));
    const outcome = await site.restore([of.replica]);
    expect(outcome.position).toMatchObject({ generation: 'f35f5fbace481038', index: 1, offset: 0x1510 });
    expect(outcome.fellBack).toEqual([expect.stringMatching(/^old lists 4 WAL segments behind .*cannot be reached/)]);
  });

  test('an object that goes while it is read: the replica is listed anew', async () => {
    const of = backup();
    let gets = 0;
    const replica = withFaults(of.replica, (store) => ({
      async *get(key, options) {
        gets += 1;
        if (gets === 4) rmSync(dirname(of.path(key)).replace(/wal$/, 'snapshots'), { recursive: true });
        yield* store.get(key, options);
      },
    }));
    await site.restore([replica]);
    expect(site.database().length).toBeGreaterThan(0);
  });
});

describe('a snapshot whose content is no sound database', () => {
  const last = 'generations/f35f5fbace481038/snapshots/00000003.snapshot.lz4';

  /** Whole as an object, but its pages from the second on are those of no database; the only one of its generation. */
  async function unsound(of: Backup): Promise<void> {
    for (const key of of.keys.filter((one) => /f35.*snapshots/.test(one) && one !== last)) rmSync(of.path(key));
    const content = Buffer.alloc(512 * 40, 0xab);
    const stored = (async function* () {
      yield readFileSync(of.path(last));
    })();
    for await (const piece of decompressFrames(stored, last)) Buffer.from(piece).copy(content, 0, 0, 512);
    change(of, last, () => Buffer.from(lz4Frame(content, { maxBlock: 7 })));
  }

  test('stops the restore where its WAL is whole: the original was damaged', async () => {
    const of = backup();
    await unsound(of);
    await expect(site.restore([of.replica])).rejects.toThrow(/the restored database is not sound/);
    expect(site.names()).toEqual([]);
  });

  test('is not used where it may only be ahead of its WAL: an older generation is', async () => {
    const of = backup();
    await unsound(of);
    const later = (of.fixture.times[of.keys.at(-1) ?? ''] ?? 0) / 1000 + 5;
    utimesSync(of.path(last), later, later);
    const outcome = await site.restore([of.replica]);
    expect(outcome.position).toMatchObject({ generation: '04dec9298d08c05c' });
    expect(outcome.fellBack).toContainEqual(expect.stringMatching(/commits are lost$/));
  });
});

describe('beside LTX files in the same place', () => {
  const history = (startedAt: number) => new History({ startedAt });

  test.each(['older', 'newer'] as const)('LTX files that are %s: the later of the two is restored', async (which) => {
    const of = backup();
    const end = of.fixture.times[of.keys.at(-1) ?? ''] ?? 0;
    const chain = history(which === 'older' ? end - 60_000 : end + 1);
    try {
      chain.grow(2);
      await chain.putLevel0(of.replica.store);
      const { choice } = await previewRestore(defaults(site, [of.replica]));
      const outcome = await site.restore([of.replica]);
      if (which === 'older') {
        expect(sha256(site.database())).toBe(of.fixture.newest);
        expect(choice.reasons.join()).toContain(
          'newer than the LTX files beside it, which end at TXID 0000000000000003',
        );
      } else {
        expect(outcome).toMatchObject({ txid: 3 });
        expect(site.database().equals(chain.state(3))).toBe(true);
        const before = await site.restore([of.replica], { target: at(end), overwrite: true });
        expect(before.position).toMatchObject({ format: 'litestream-0.3' });
        expect(sha256(site.database())).toBe(of.fixture.newest);
      }
    } finally {
      chain.close();
    }
  });

  test('of two replicas, the later is chosen, whatever its format', async () => {
    const of = backup();
    const end = of.fixture.times[of.keys.at(-1) ?? ''] ?? 0;
    const chain = history(end - 60_000);
    try {
      chain.grow(5);
      const ltx = site.replica('ltx');
      await chain.putLevel0(ltx.store);
      const outcome = await site.restore([ltx, of.replica]);
      expect(outcome).toMatchObject({ replica: 'old', parted: [] });
      expect(outcome.answers).toMatchObject([{ position: { txid: 6 } }, { position: { format: 'litestream-0.3' } }]);
    } finally {
      chain.close();
    }
  });

  test('a damaged backup falls back to older LTX files, and the loss is told', async () => {
    const of = backup();
    const end = of.fixture.times[of.keys.at(-1) ?? ''] ?? 0;
    const chain = history(end - 60_000);
    try {
      chain.grow(2);
      await chain.putLevel0(of.replica.store);
      for (const key of of.keys.filter((one) => one.includes('/snapshots/'))) change(of, key, flipBit);
      const outcome = await site.restore([of.replica]);
      expect(outcome.txid).toBe(3);
      expect(outcome.fellBack).toContainEqual(
        expect.stringMatching(/was not sound: restored as of TXID 0000000000000003 .* commits are lost/),
      );
    } finally {
      chain.close();
    }
  });
});

test('only names of its own are read: what else lies beside is left alone', async () => {
  const of = backup();
  const folder = of.path('generations/f35f5fbace481038');
  writeFileSync(join(folder, 'wal', '00000004_00000000.wal.lz4.tmp'), 'half of one');
  writeFileSync(join(folder, 'wal', 'notes.txt'), 'of a person');
  writeFileSync(join(of.path('generations'), 'README'), 'of a person');
  await site.restore([of.replica]);
  expect(sha256(site.database())).toBe(of.fixture.newest);
  expect(readdirSync(join(folder, 'wal'))).toContain('notes.txt');
  const outcome = await restoreDatabase({ ...defaults(site, [of.replica]), overwrite: true });
  expect(outcome.kind).toBe('restored');
});

test('after retention has run, every moment it promises is restored as before', async () => {
  const of = backup();
  const { store } = of.replica;
  const { signal } = new AbortController();
  const end = of.fixture.times[of.keys.at(-1) ?? ''] ?? 0;
  const policy = { now: milliseconds(end + 1_000), retention: milliseconds(4_000), chainFrom: undefined };
  const names = await listGenerations(store, signal);
  const generations = await Promise.all(names.map((name) => listGeneration(store, name, signal)));
  const { keys } = planLegacyRetention(generations, policy);
  expect(keys.filter((key) => key.includes('04dec9298d08c05c'))).toHaveLength(10);
  expect(keys.length).toBeGreaterThan(12);
  await store.delete(keys);
  const promised = of.fixture.moments.filter(({ timestamp }) => timestamp >= end - 3_000);
  expect(promised.length).toBeGreaterThan(2);
  for (const { timestamp, sha256: expected } of promised)
    expect(await restored(of.replica, at(timestamp))).toBe(expected);
  expect(await restored(of.replica, { kind: 'newest' })).toBe(of.fixture.newest);
});
