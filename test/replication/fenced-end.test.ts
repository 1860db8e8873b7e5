import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StationError } from '../../src/errors.ts';
import { txid } from '../../src/quantities.ts';
import { endFenced, type FencedEnd } from '../../src/replication/fenced-end.ts';
import type { Staging } from '../../src/replication/staging/staging.ts';
import { Bench } from './support/bench.ts';
import { changeSet, page, wholeDatabase } from './support/change-sets.ts';
import { toldLog } from './support/told-log.ts';

let bench: Bench;
let staging: Staging;
beforeEach(async () => {
  bench = new Bench();
  staging = await bench.open();
  await staging.append(wholeDatabase({ 1: page(1), 2: page(2) }));
  for (const fill of [3, 4]) await staging.append(changeSet({ 1: page(1), 2: page(fill) }));
});
afterEach(async () => {
  await bench.dispose();
});

/** Ends an instance that has staged TXIDs 1 to 3, of which a replica holds those up to `held`. */
async function end(held: number, tail: FencedEnd['tail']): Promise<readonly string[]> {
  const { log, lines } = toldLog();
  const fence = new StationError('LEASE_LOST', 'the lease was taken over by b');
  await endFenced(bench.folder, staging, { fence, tail, held: txid(held), now: new Date(0) }, log);
  expect(lines.every(({ level }) => level === 'error')).toBe(true);
  return lines.map(({ message }) => message);
}

const setAside = () => readdirSync(bench.folder.root).filter((name) => name.startsWith('set-aside-'));

describe('the end of an instance that another goes on from', () => {
  it('keeps what no replica holds, and tells of it', async () => {
    expect(await end(1, 'captured')).toEqual(['another instance goes on: what no replica holds is kept']);
    const [folder = ''] = setAside();
    expect(readdirSync(join(bench.folder.root, folder, '0'))).toHaveLength(2);
    expect(bench.names('level0')).toHaveLength(1);
  });

  it('tells that nothing is lost where a replica holds everything', async () => {
    const told = ['another instance goes on: everything committed here is in a replica'];
    expect(await end(3, 'captured')).toEqual(told);
    expect(setAside()).toEqual([]);
  });

  it('never says so where the last commits were not captured', async () => {
    const rest = 'the last commits were not captured, and are in the database here alone';
    expect(await end(3, 'not-captured')).toEqual([`another instance goes on: ${rest}`]);
  });

  it('tells of the one and of the other', async () => {
    expect(await end(1, 'not-captured')).toHaveLength(2);
    expect(setAside()).toHaveLength(1);
  });

  it('tells of what could not be set aside, and goes on', async () => {
    rmSync(bench.folder.level0, { recursive: true });
    const [told, ...others] = await end(1, 'captured');
    expect(told).toMatch(/^what no replica holds could not be set aside: .*ENOENT/);
    expect(others).toEqual([]);
  });
});
