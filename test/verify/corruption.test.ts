/** Whatever object of a replica is damaged, and however: `verify` names it, and no restore publishes what it spoiled. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isStationError } from '../../src/errors.ts';
import { bytes, milliseconds, txid } from '../../src/quantities.ts';
import { type Inventory, takeInventory } from '../../src/restore/inventory.ts';
import { planRestore } from '../../src/restore/plan.ts';
import type { RestoreTarget } from '../../src/restore/restore-target.ts';
import { isSound } from '../../src/verify/findings.ts';
import { History, putLtx } from '../restore/replica-builder.ts';
import { createSite, type Site } from '../restore/site.ts';
import { verifyOnce } from './verify-once.ts';

const never = new AbortController().signal;
let history: History;
let site: Site;
let inventory: Inventory;

/** All levels, with overlaps as retention leaves them: snapshots at 2 and 9, merged files, level 0 from 8 on. */
beforeAll(async () => {
  history = new History({ pageSize: 512 });
  history.grow(5, 900).commit('DELETE FROM item WHERE id > 2; VACUUM').grow(6, 900);
  site = createSite();
  const { store } = site.replica('disk');
  for (const end of [2, 9]) await putLtx(store, 9, history.content(1, end));
  await history.putMerged(store, 2, 3, 6);
  for (const [min, max] of [
    [3, 4],
    [5, 6],
    [7, 8],
    [9, 10],
  ] as const)
    await history.putMerged(store, 1, min, max);
  await history.putLevel0(store, 8);
  inventory = await takeInventory(store, never);
});
afterAll(() => {
  history.close();
  site.remove();
});

type Damage =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'truncate'; readonly at: number }
  | { readonly kind: 'append'; readonly count: number }
  | { readonly kind: 'exchange'; readonly at: number };

/** Positions as parts of the whole: files differ in size. */
const part = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flip' as const), at: part, bit: fc.nat(7) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('truncate' as const), at: part }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 600 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('exchange' as const), at: part }) },
);

function spoil(content: Buffer, how: Damage, another: Buffer): Buffer {
  switch (how.kind) {
    case 'flip': {
      const spoilt = Buffer.from(content);
      const at = Math.floor(how.at * content.length);
      spoilt.writeUInt8(spoilt.readUInt8(at) ^ (1 << how.bit), at);
      return spoilt;
    }
    case 'truncate':
      return content.subarray(0, Math.floor(how.at * content.length));
    case 'append':
      return Buffer.concat([content, Buffer.alloc(how.count)]);
    case 'exchange':
      return another;
  }
}

const target: fc.Arbitrary<RestoreTarget> = fc.oneof(
  fc.constant({ kind: 'newest' } as const),
  fc.integer({ min: 1, max: 12 }).map((value) => ({ kind: 'txid' as const, txid: txid(value) })),
  fc.integer({ min: 1, max: 13 }).map((value) => ({ kind: 'timestamp' as const, timestamp: history.time(value) })),
);

/** What a restore came to: nothing, or a TXID whose state it is to the byte. */
async function restored(wanted: RestoreTarget): Promise<number | undefined> {
  rmSync(site.output, { force: true });
  try {
    // The state is compared to the byte: SQLite's own check would only take time.
    const integrity = { mode: 'none', maxBytes: bytes(0) } as const;
    const outcome = await site.restore([site.replica('disk')], { target: wanted, integrity });
    expect(site.database().equals(history.state(outcome.txid)), `TXID ${outcome.txid} to the byte`).toBe(true);
    return outcome.txid;
  } catch (error) {
    expect(isStationError(error, 'RESTORE_NO_SOUND_COPY', 'RESTORE_NOT_AVAILABLE'), String(error)).toBe(true);
    expect(site.names()).toEqual([]);
    return undefined;
  }
}

const verify = (effort: 'read' | 'restore') => verifyOnce(site.replica('disk'), effort);

it('is sound before', async () => {
  const findings = await verify('restore');
  expect(findings).toMatchObject({ damaged: [], errors: [], remarks: [], objects: inventory.files.length });
  expect(findings.newest).toMatchObject({ txid: history.newest });
  expect(isSound(findings)).toBe(true);
});

it('is named whatever is damaged, and never published', async () => {
  const everything = fc.record({ file: fc.nat(), other: fc.nat(), how: damage, wanted: target, effort: fc.nat(7) });
  const files = inventory.files;
  const property = fc.asyncProperty(everything, async ({ file: index, other, how, wanted, effort }) => {
    const file = files[index % files.length];
    const another = files[(index + 1 + (other % (files.length - 1))) % files.length];
    if (file === undefined || another === undefined) throw new Error('no such file');
    const path = join(site.folder, 'disk', file.key);
    const content = readFileSync(path);
    try {
      writeFileSync(path, spoil(content, how, readFileSync(join(site.folder, 'disk', another.key))));
      const findings = await verify(effort === 0 ? 'restore' : 'read');
      expect(isSound(findings)).toBe(false);
      expect(findings.damaged.map(({ key }) => key)).toEqual([file.key]);
      const without = planRestore(inventory, { kind: 'newest' }, new Set([file.key]));
      const reachable = without.kind === 'plan' ? without.plan.txid : undefined;
      expect(await restored({ kind: 'newest' })).toBe(reachable);
      const found = await restored(wanted);
      if (found !== undefined && wanted.kind === 'txid') expect(found).toBe(wanted.txid);
      if (found !== undefined && wanted.kind === 'timestamp') {
        expect(history.time(found)).toBeLessThanOrEqual(milliseconds(wanted.timestamp));
      }
    } finally {
      writeFileSync(path, content);
    }
  });
  // Once, `verify` never came past a file that was cut to nothing.
  const emptied = files.map((_, file) => ({
    file,
    other: 0,
    how: { kind: 'truncate', at: 0 },
    wanted: { kind: 'newest' },
    effort: 1,
  }));
  await fc.assert(property, { numRuns: 80, examples: emptied.map((one) => [one] as never) });
});

it('is named whatever is missing, and what cannot be reached without it', async () => {
  for (const file of inventory.files) {
    const path = join(site.folder, 'disk', file.key);
    const content = readFileSync(path);
    rmSync(path);
    try {
      const findings = await verify('read');
      const rest = inventory.files.filter(({ key }) => key !== file.key);
      const last = planRestore({ ...inventory, files: rest }, { kind: 'newest' });
      const isGap = last.kind !== 'plan' || last.plan.txid < Math.max(...rest.map(({ maxTxid }) => maxTxid));
      if (isGap) expect(findings.errors.map(({ code }) => code)).toContain('LTX_NOT_CONTIGUOUS');
      expect(findings.damaged).toEqual([]);
    } finally {
      writeFileSync(path, content);
    }
  }
});
