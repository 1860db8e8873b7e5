import { existsSync, statfsSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { StationError } from '../../src/errors.ts';
import { milliseconds } from '../../src/quantities.ts';
import { findLackOfRoom } from '../../src/restore/disk-room.ts';
import { restoreDatabase } from '../../src/restore/restore.ts';
import { flipBit, History, putLtx } from './replica-builder.ts';
import { createSite, defaults, type Site, withFaults } from './site.ts';

let history: History;
let site: Site;

beforeAll(() => {
  history = new History();
  history.grow(12, 20_000);
});
afterAll(() => history.close());
beforeEach(() => {
  site = createSite();
});
afterEach(() => site.remove());

const isRestored = () => site.database().equals(history.state(history.newest));

describe('a store that misbehaves while it is read', () => {
  test('drops every body half way: the download is resumed where it stopped', async () => {
    const disk = site.replica('disk');
    await history.putMerged(disk.store, 9, 1, 8);
    await history.putLevel0(disk.store, 9);
    let dropped = 0;
    const dropping = withFaults(disk, (store) => ({
      async *get(key, options) {
        const { start = 0, end = Number.POSITIVE_INFINITY } = options?.range ?? {};
        if (end - start < 200) return yield* store.get(key, options);
        for await (const chunk of store.get(key, options)) {
          yield chunk.subarray(0, Math.ceil(chunk.byteLength / 2));
          dropped += 1;
          if (dropped % 3 === 0) return;
          throw new StationError('STORAGE_UNREACHABLE', 'ECONNRESET: read ECONNRESET');
        }
      },
    }));
    const outcome = await site.restore([dropping]);
    expect(dropped).toBeGreaterThan(5);
    expect(outcome.fellBack).toEqual([]);
    expect(isRestored()).toBe(true);
  });

  test('loses a file to retention: the list is taken anew, and the plan made anew', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    let merged = false;
    const compacting = withFaults(disk, (store) => ({
      async *get(key, options) {
        if (options?.range?.start === 0 && (options.range.end ?? 0) > 100 && !merged) {
          merged = true;
          await history.putMerged(store, 1, 1, history.newest);
          for (let number = 1; number < history.newest; number += 1) {
            const name = number.toString(16).padStart(16, '0');
            await unlink(join(site.folder, 'disk', 'ltx', '0', `${name}-${name}.ltx`));
          }
        }
        yield* store.get(key, options);
      },
    }));
    expect((await site.restore([compacting])).txid).toBe(history.newest);
    expect(isRestored()).toBe(true);
  });

  test('refuses from the middle on: the next newest replica is taken', async () => {
    const [disk, second] = [site.replica('disk'), site.replica('second')];
    await history.putLevel0(disk.store);
    await history.putLevel0(second.store, 1, 10);
    const refusing = withFaults(disk, (store) => ({
      async *get(key, options) {
        if (key.includes('0000000007') && (options?.range?.end ?? 0) > 100) {
          throw new StationError('STORAGE_DENIED', 'AccessDenied: Access Denied');
        }
        yield* store.get(key, options);
      },
    }));
    const outcome = await site.restore([refusing, second]);
    expect([outcome.replica, outcome.txid]).toEqual(['second', 10]);
    expect(outcome.fellBack.join('\n')).toContain('AccessDenied');
    expect(outcome.answers).toMatchObject([{ kind: 'failed' }, { kind: 'holds' }]);
  });
});

describe('a stop that comes meanwhile', () => {
  test('ends the restore soon, with its own reason, and leaves nothing', async () => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    const stop = new AbortController();
    const reason = new Error('stopping');
    const hanging = withFaults(disk, (store) => ({
      async *get(key, options) {
        if (key.includes('0000000005')) {
          stop.abort(reason);
          await new Promise(() => undefined);
        }
        yield* store.get(key, options);
      },
    }));
    const polite = withFaults(hanging, (store) => ({
      async *get(key, options) {
        const aborted = new Promise<never>((_, reject) => {
          options?.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true });
        });
        aborted.catch(() => undefined);
        const body = store.get(key, options)[Symbol.asyncIterator]();
        for (;;) {
          const { done, value } = await Promise.race([body.next(), aborted]);
          if (done === true) return;
          yield value;
        }
      },
    }));
    await expect(restoreDatabase({ ...defaults(site, [polite]), signal: stop.signal })).rejects.toBe(reason);
    expect(site.names()).toEqual([]);
    expect(existsSync(site.checksumFile)).toBe(false);
  });
});

describe('a process killed at its worst moment', () => {
  const run = (faultPoint: string) =>
    execa(
      process.execPath,
      [join(import.meta.dirname, 'restore-once.ts'), join(site.folder, 'disk'), site.output, site.checksumFile],
      { reject: false, env: { STATION_FAULT_POINT: faultPoint } },
    );

  test.each([
    ['during-restore:1', false],
    ['during-restore:7', false],
    ['before-publish:1', false],
    ['after-publish:1', true],
  ])('%s: there is the whole database or none, and the next start has it whole', async (point, isThere) => {
    const disk = site.replica('disk');
    await history.putLevel0(disk.store);
    const killed = await run(point);
    expect(killed.signal).toBe('SIGKILL');
    expect(existsSync(site.output)).toBe(isThere);
    if (isThere) return expect(isRestored()).toBe(true);
    const again = await run('');
    expect(again.stderr).toBe('');
    expect(JSON.parse(again.stdout)).toMatchObject({ kind: 'restored', txid: history.newest });
    expect(isRestored()).toBe(true);
    expect(site.names()).toEqual(['station.db']);
  });
});

test('a disk that is full is one clear error, and nothing is left behind', async () => {
  const disk = site.replica('disk');
  await history.putLevel0(disk.store);
  const limited = await execa(
    'sh',
    [
      '-c',
      'ulimit -f 64; exec "$@"',
      'sh',
      process.execPath,
      join(import.meta.dirname, 'restore-once.ts'),
      join(site.folder, 'disk'),
      site.output,
      site.checksumFile,
    ],
    { reject: false, env: { STATION_FAULT_POINT: '' } },
  );
  expect(JSON.parse(limited.stdout)).toMatchObject({ code: 'RESTORE_WRITE', exitStatus: 69 });
  expect(limited.stdout).toContain('EFBIG');
  expect(site.names()).toEqual([]);
});

test('a disk that seems too small is told of before anything is fetched, and tried all the same', async () => {
  const size = statfsSync(site.folder).blocks * statfsSync(site.folder).bsize;
  expect(await findLackOfRoom(site.output, 4096)).toBeUndefined();
  expect(await findLackOfRoom(site.output, size + 1)).toMatch(/ are free in .*data, and the database needs /);
  expect(await findLackOfRoom(join(site.folder, 'missing', 'station.db'), size + 1)).toBeUndefined();
});

describe('replicas that do not answer', () => {
  const hanging = (name: string) =>
    withFaults(site.replica(name), () => ({
      async *list() {
        await new Promise(() => undefined);
      },
    }));
  const failing = (name: string, code: 'STORAGE_DENIED' | 'STORAGE_NOT_FOUND' | 'STORAGE_UNREACHABLE') =>
    withFaults(site.replica(name), () => ({
      // biome-ignore lint/correctness/useYield: it fails before it could
      async *list() {
        throw new StationError(code, `${code} on purpose`);
      },
    }));
  const soon = { answerTimeout: milliseconds(400) };

  test.each([
    ['hangs', () => hanging('b')],
    ['is refused', () => failing('b', 'STORAGE_DENIED')],
    ['has no bucket', () => failing('b', 'STORAGE_NOT_FOUND')],
    ['cannot be reached', () => failing('b', 'STORAGE_UNREACHABLE')],
  ])('one %s: never an empty start, but the database of one that does answer', async (_, other) => {
    await expect(restoreDatabase({ ...defaults(site, [site.replica('a'), other()]), ...soon })).rejects.toMatchObject({
      code: 'RESTORE_UNREACHABLE',
      exitStatus: 69,
    });
    const holder = site.replica('a');
    await history.putLevel0(holder.store);
    const outcome = await site.restore([other(), holder], soon);
    expect(outcome.replica).toBe('a');
    expect(outcome.fellBack).toHaveLength(1);
    expect(outcome.fellBack[0]).toContain('restoring without b: ');
  });

  test('one fails at first: it is asked again until it answers', async () => {
    const holder = site.replica('a');
    await history.putLevel0(holder.store);
    let failures = 0;
    const recovering = withFaults(holder, (store) => ({
      async *list(...rest) {
        failures += 1;
        if (failures < 3) throw new StationError('STORAGE_UNREACHABLE', 'ECONNREFUSED');
        yield* store.list(...rest);
      },
    }));
    expect((await site.restore([recovering])).fellBack).toEqual([]);
  });

  test('one is down and the quorum is "all": a stop', async () => {
    const holder = site.replica('a');
    await history.putLevel0(holder.store);
    const policy = { quorum: 'all', from: undefined } as const;
    await expect(site.restore([hanging('b'), holder], { ...soon, policy })).rejects.toMatchObject({
      code: 'RESTORE_UNREACHABLE',
    });
  });
});

test('many files are damaged at once: each is left out in turn', async () => {
  const disk = site.replica('disk');
  await history.putLevel0(disk.store);
  for (let number = 6; number <= history.newest; number += 1) {
    await putLtx(disk.store, 0, history.content(number, number), flipBit);
  }
  expect((await site.restore([disk])).txid).toBe(5);
});
