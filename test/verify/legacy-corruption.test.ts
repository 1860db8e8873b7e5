/** Whatever object of a Litestream 0.3 backup is damaged, and however: `verify` names it, and no restore publishes what it spoiled. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isStationError } from '../../src/errors.ts';
import { milliseconds } from '../../src/quantities.ts';
import { generationOf, parseLegacyKey } from '../../src/restore/legacy/legacy-key.ts';
import type { RestoreTarget } from '../../src/restore/restore-target.ts';
import { isSound } from '../../src/verify/findings.ts';
import { copyFixture } from '../fixtures/litestream-backups.ts';
import { flipBit } from '../restore/replica-builder.ts';
import { createSite, type Site } from '../restore/site.ts';
import { verifyOnce } from './verify-once.ts';

let site: Site;
/** By time. */
let keys: readonly string[];
let times: Readonly<Record<string, number>>;
/** Every state the backup ever had, as each generation gives it, and when it began. */
const states = new Map<string, number>();

const pathOf = (key: string) => join(site.folder, 'old', key);
const timeOf = (key: string) => times[key] ?? 0;

async function restored(target: RestoreTarget): Promise<string | undefined> {
  rmSync(site.output, { force: true });
  try {
    await site.restore([site.replica('old')], { target });
    return createHash('sha256').update(site.database()).digest('hex');
  } catch (error) {
    expect(isStationError(error, 'RESTORE_NO_SOUND_COPY', 'RESTORE_NOT_AVAILABLE'), String(error)).toBe(true);
    expect(site.names()).toEqual([]);
    return undefined;
  }
}

const ofGeneration = (key: string, time: number): Extract<RestoreTarget, { kind: 'litestream-0.3' }> => ({
  kind: 'litestream-0.3',
  generation: generationOf(key),
  index: undefined,
  timestamp: milliseconds(time),
});

beforeAll(async () => {
  site = createSite();
  times = copyFixture('litestream-0.3', join(site.folder, 'old')).times;
  keys = Object.keys(times).sort((a, b) => timeOf(a) - timeOf(b));
  for (const key of keys) {
    const hash = await restored(ofGeneration(key, timeOf(key)));
    if (hash !== undefined && !states.has(hash)) states.set(hash, timeOf(key));
  }
  expect(states.size).toBeGreaterThan(15);
}, 60_000);
afterAll(() => site.remove());

const verify = (effort: 'read' | 'restore') => verifyOnce(site.replica('old'), effort);

/** Undefined deletes. The time stays: it is the store's. */
async function withContents(contents: ReadonlyMap<string, Buffer | undefined>, work: () => Promise<void>) {
  const before = [...contents.keys()].map((key) => [key, readFileSync(pathOf(key)), statSync(pathOf(key))] as const);
  const put = (key: string, content: Buffer, { atime, mtime }: { atime: Date; mtime: Date }) => {
    writeFileSync(pathOf(key), content);
    utimesSync(pathOf(key), atime, mtime);
  };
  try {
    for (const [key, , stat] of before) {
      const content = contents.get(key);
      if (content === undefined) rmSync(pathOf(key));
      else put(key, content, stat);
    }
    await work();
  } finally {
    for (const [key, content, stat] of before) put(key, content, stat);
  }
}

/** The newest of all, and what the generation of an object gives for the moment at which it was written. */
async function expectNothingSpoiled(key: string, what: string): Promise<void> {
  for (const target of [{ kind: 'newest' } as const, ofGeneration(key, timeOf(key))]) {
    const hash = await restored(target);
    if (hash === undefined) continue;
    expect(states.has(hash), `${what}: a state that never was, for ${JSON.stringify(target)}`).toBe(true);
  }
}

it('is sound before', async () => {
  const findings = await verify('restore');
  expect(findings).toMatchObject({ damaged: [], errors: [], remarks: [], objects: keys.length });
  expect(isSound(findings)).toBe(true);
});

describe('any one object', () => {
  const damages: readonly (readonly [string, (content: Buffer) => Buffer | undefined])[] = [
    ['with a bit turned', flipBit],
    ['cut short', (content) => content.subarray(0, Math.floor(content.length * 0.6))],
    ['of zero length', () => Buffer.alloc(0)],
    ['with something after its end', (content) => Buffer.concat([content, Buffer.alloc(40)])],
  ];
  it.each(damages)('%s is named, and never published', { timeout: 120_000 }, async (_, how) => {
    for (const key of keys) {
      await withContents(new Map([[key, how(readFileSync(pathOf(key)))]]), async () => {
        const findings = await verify('read');
        expect(isSound(findings), key).toBe(false);
        expect(findings.damaged.map((one) => one.key)).toContain(key);
        await expectNothingSpoiled(key, key);
      });
    }
  });

  it('missing is never made up for', { timeout: 120_000 }, async () => {
    for (const key of keys) {
      await withContents(new Map([[key, undefined]]), async () => {
        expect(existsSync(pathOf(key))).toBe(false);
        await expectNothingSpoiled(key, key);
      });
    }
  });
});

describe('any two of a kind and a generation, exchanged', () => {
  /** Of segments, those that follow each other or are a few apart: all would take minutes. */
  function pairsOf(kind: string): readonly (readonly [string, string])[] {
    const of = keys.filter((key) => parseLegacyKey(key)?.kind === kind);
    const pairs = of.flatMap((one, at) =>
      (kind === 'segment' ? [1, 2, 5] : [1, 2, 3, 4]).map((step) => [one, of[at + step] ?? ''] as const),
    );
    return pairs.filter(([one, other]) => generationOf(one) === generationOf(other));
  }

  it.each(['segment', 'snapshot'])('%ss: one is named, and never published', { timeout: 120_000 }, async (kind) => {
    const silent: string[] = [];
    for (const [one, other] of pairsOf(kind)) {
      const contents = new Map([
        [one, readFileSync(pathOf(other))],
        [other, readFileSync(pathOf(one))],
      ]);
      await withContents(contents, async () => {
        const { damaged } = await verify('read');
        if (!damaged.some(({ key }) => key === one || key === other)) silent.push(`${one} and ${other}`);
        for (const key of [one, other]) await expectNothingSpoiled(key, `${one} for ${other}`);
      });
    }
    expect(silent).toEqual([]);
  });
});
