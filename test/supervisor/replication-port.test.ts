import { expect, test } from 'vitest';
import { bytes } from '../../src/quantities.ts';
import { isDrainComplete, type ReplicaDrain } from '../../src/supervisor/replication-port.ts';

const missing = { files: 0, txids: undefined, bytes: bytes(0), since: undefined };
const replica = (database: string, name: string, complete: boolean): ReplicaDrain => ({
  database,
  replica: name,
  complete,
  missing,
  reason: undefined,
});

test.each([
  ['no replica at all', [], true, true],
  ['all of one database', [replica('a', 's3', true), replica('a', 'file', true)], true, true],
  ['one of two', [replica('a', 's3', false), replica('a', 'file', true)], true, false],
  ['none of two', [replica('a', 's3', false), replica('a', 'file', false)], false, false],
  ['one database, not the other', [replica('a', 's3', true), replica('b', 's3', false)], false, false],
])('a drain that reached %s: complete for one %j, for all %j', (_, replicas, one, all) => {
  expect(isDrainComplete(replicas, 'one')).toBe(one);
  expect(isDrainComplete(replicas, 'all')).toBe(all);
});
