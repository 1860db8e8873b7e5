import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  listGeneration,
  listGenerations,
  listSegments,
  listSnapshots,
  listWholeGenerations,
} from '../../../src/restore/legacy/generations.ts';
import { formatIndex, parseLegacyKey } from '../../../src/restore/legacy/legacy-key.ts';
import { bodyFromBytes } from '../../../src/storage/object-body.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import { type S3Server, startS3Server } from '../../servers/s3-server.ts';
import { s3Options } from '../../storage/s3/backend.ts';

const one = 'generations/0123456789abcdef';

describe('a name', () => {
  const part = { kind: 'segment', generation: '0123456789abcdef', form: 'part' };
  test.each([
    [`${one}/snapshots/0000000a.snapshot.lz4`, { kind: 'snapshot', generation: '0123456789abcdef', index: 10 }],
    [`${one}/wal/0000000a_00000020.wal.lz4`, { ...part, index: 10, offset: 32 }],
    [`${one}/wal/7fffffff_1ffffffff.wal.lz4`, { ...part, index: 0x7fffffff, offset: 0x1ffffffff }],
    [`${one}/wal/0000000a.wal.lz4`, { ...part, form: 'whole', index: 10, offset: 0 }],
    [`${one}/wal/0000000a.wal`, { ...part, form: 'whole-raw', index: 10, offset: 0 }],
    [`${one}/wal/0000000a_00000020.wal`, undefined],
    [`${one}/wal/0000000A_00000020.wal.lz4`, undefined],
    [`${one}/wal/0000000a_00000020.wal.lz4.tmp`, undefined],
    [`${one}/snapshots/a.snapshot.lz4`, undefined],
    ['generations/0123/snapshots/0000000a.snapshot.lz4', undefined],
    ['ltx/0/0000000000000001-0000000000000001.ltx', undefined],
  ])('%s', (key, expected) => {
    expect(parseLegacyKey(key)).toEqual(expected);
  });
});

describe('what a replica holds', () => {
  let server: S3Server;
  let store: ObjectStore;
  const signal = new AbortController().signal;

  beforeAll(async () => {
    server = await startS3Server({ buckets: ['bucket'] });
    store = await openStore(s3Options(server, { path: 'station', region: 'us-east-1', forcePathStyle: true }));
    const put = (key: string) => store.put(key, bodyFromBytes(Buffer.from('content')), { createOnly: true });
    const keys = ['1111111111111111', '0123456789abcdef', 'ffffffffffffffff'].flatMap((generation) => [
      `generations/${generation}/snapshots/00000000.snapshot.lz4`,
      `generations/${generation}/snapshots/00000010.snapshot.lz4`,
      ...Array.from(
        { length: 40 },
        (_, index) => `generations/${generation}/wal/${formatIndex(index)}_00000000.wal.lz4`,
      ),
    ]);
    const forms = ['00000100.wal', '00000100.wal.lz4', '00000101.wal', '00000102_00000000.wal.lz4', '00000102.wal'];
    const wide = ['00000103_00000000.wal.lz4', '00000103_fffffff8.wal.lz4', '00000103_100000010.wal.lz4'];
    const odd = ['generations/README', 'generations/zzz/wal/00000000.wal', `${one}/wal/notes.txt`];
    await Promise.all([...keys, ...odd, ...[...forms, ...wide].map((name) => `${one}/wal/${name}`)].map(put));
  });
  afterAll(async () => {
    await store.close();
    await server.stop();
  });

  test('its generations, with one request for each and one more', async () => {
    server.requests.length = 0;
    expect(await listGenerations(store, signal)).toEqual(['0123456789abcdef', '1111111111111111', 'ffffffffffffffff']);
    expect(server.requests).toHaveLength(4);
  });

  test('of a generation, the snapshots, and the segments from an index on', async () => {
    const snapshots = await listSnapshots(store, '1111111111111111', signal);
    expect(snapshots.map(({ index }) => index)).toEqual([0, 16]);
    server.requests.length = 0;
    const segments = await listSegments(store, '1111111111111111', 38, signal);
    expect(segments.map(({ index }) => index)).toEqual([38, 39]);
    expect(server.requests).toHaveLength(1);
    expect((await listGeneration(store, '1111111111111111', signal)).segments).toHaveLength(40);
  });

  test('all of it in one request for a thousand objects, what is there twice apart, and nothing that is not of 0.3', async () => {
    server.requests.length = 0;
    const { generations, isCut } = await listWholeGenerations(store, 1000, signal);
    expect(server.requests).toHaveLength(1);
    expect(isCut).toBe(false);
    const [first] = generations;
    const { segments, snapshots } = await listGeneration(store, '0123456789abcdef', signal);
    expect(first).toMatchObject({ name: '0123456789abcdef', segments, snapshots });
    const spares = ['00000100.wal', '00000102.wal'].map((name) => `${one}/wal/${name}`);
    expect(first?.spares.map(({ key }) => key)).toEqual(spares);
    const keys = generations.flatMap((all) => [...all.snapshots, ...all.segments, ...all.spares]).map(({ key }) => key);
    expect(keys).toHaveLength(3 * 42 + 8);
  });

  test('no more than may be kept in memory, and all the same when the newest was written', async () => {
    const whole = await listWholeGenerations(store, 1000, signal);
    const cut = await listWholeGenerations(store, 5, signal);
    expect(cut.isCut).toBe(true);
    expect(cut.generations.flatMap((all) => [...all.snapshots, ...all.segments, ...all.spares])).toHaveLength(5);
    expect(cut.newest).toBe(whole.newest);
  });

  test('each WAL file in one form, and offsets of 4 GiB and more behind the others', async () => {
    const segments = await listSegments(store, '0123456789abcdef', 0x100, signal);
    expect(segments.map(({ key }) => key.replace(/.*\/wal\//, ''))).toEqual([
      '00000100.wal.lz4',
      '00000101.wal',
      '00000102_00000000.wal.lz4',
      '00000103_00000000.wal.lz4',
      '00000103_fffffff8.wal.lz4',
      '00000103_100000010.wal.lz4',
    ]);
  });
});
