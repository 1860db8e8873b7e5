import { expect, it } from 'vitest';
import type { DatabaseConfig } from '../../src/config/config.ts';
import { databaseIn } from '../../src/config/folder-database.ts';
import type { Log } from '../../src/observe/log.ts';
import { milliseconds } from '../../src/quantities.ts';
import { DatabaseSet } from '../../src/replication/database-set.ts';
import type { ReplicationSettings } from '../../src/replication/replication-settings.ts';
import { folderAt } from './folders/folder-at.ts';

function emptySet(): DatabaseSet {
  const log = { with: () => log } as unknown as Log;
  const zero = () => milliseconds(0);
  const clocks = { wall: zero, monotonic: zero, random: () => 0 };
  return new DatabaseSet({ settings: {} as ReplicationSettings, log, clocks });
}

const acme: DatabaseConfig = databaseIn(folderAt('/data', ['/backup']), 'acme.db');

it('a file that two entries mean is a mistake, which names the file', () => {
  const set = emptySet();
  set.add(acme);
  expect(() => set.add(acme)).toThrow(
    expect.objectContaining({ code: 'CONFIG_VALUE', message: expect.stringContaining('/data/acme.db is meant by') }),
  );
});

it('two databases that would land in one place are a mistake, which names both', () => {
  const set = emptySet();
  set.add({ ...acme, path: '/elsewhere/acme.db' });
  expect(() => set.add(acme)).toThrow(
    expect.objectContaining({
      code: 'CONFIG_VALUE',
      message: expect.stringContaining('/data/acme.db and /elsewhere/acme.db would share one place in replica file-1'),
    }),
  );
});

it('the place of one that was let go of is free again', async () => {
  const set = emptySet();
  set.add(acme);
  await set.drop(acme.path);
  expect(set.all).toEqual([]);
  expect(() => set.add(acme)).not.toThrow();
});
