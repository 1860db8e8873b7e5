import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageChecksum } from '../../../src/ltx/checksum.ts';
import type { Page } from '../../../src/page.ts';
import { pageNumber, txid } from '../../../src/quantities.ts';
import { PageChecksums } from '../../../src/replication/staging/page-checksums.ts';
import { type ChecksumFileHeader, checksumSource, openChecksumFile } from '../../../src/restore/checksum-file.ts';

const PAGE_SIZE = 512;

/** One LTX file as the checksums see it: the fill of each page in it, and the size of the database after it. */
interface File {
  readonly kind: 'changes' | 'every-page';
  readonly pages: ReadonlyMap<number, number>;
  readonly commit: number;
  readonly outcome: 'durable' | 'failed';
}

type Step = { readonly do: 'file'; readonly file: File } | { readonly do: 'fold' } | { readonly do: 'restart' };

const file: fc.Arbitrary<File> = fc
  .record({
    kind: fc.constantFrom('changes' as const, 'changes' as const, 'every-page' as const),
    commit: fc.integer({ min: 1, max: 24 }),
    fill: fc.integer({ min: 0, max: 255 }),
    touched: fc.uniqueArray(fc.integer({ min: 1, max: 24 }), { maxLength: 24 }),
    outcome: fc.constantFrom('durable' as const, 'durable' as const, 'failed' as const),
  })
  .map(({ kind, commit, fill, touched, outcome }) => {
    const numbers = kind === 'every-page' ? Array.from({ length: commit }, (_, index) => index + 1) : touched;
    const inside = numbers.filter((number) => number <= commit).sort((a, b) => a - b);
    return { kind, commit, outcome, pages: new Map(inside.map((number) => [number, (fill + number) & 255])) };
  });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: file.map((one): Step => ({ do: 'file', file: one })) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'fold' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'restart' }) },
);

/** What is true: the fill of each page of the replicated state, and the files since the checksum file on disk. */
class Model {
  fills = new Map<number, number>();
  commit = 0;
  at = 0;
  readonly files: { readonly at: number; readonly pages: ReadonlyMap<number, number> }[] = [];

  /** The file as a capture would make it: where the database grows, every new page is in it. */
  complete(given: File): File {
    const pages = new Map(given.pages);
    for (let number = this.commit + 1; number <= given.commit; number += 1) {
      if (!pages.has(number)) pages.set(number, 0);
    }
    return { ...given, pages: new Map([...pages].sort((a, b) => a[0] - b[0])) };
  }

  apply({ kind, pages, commit }: File): ChecksumFileHeader {
    if (kind === 'every-page') this.fills = new Map();
    for (const [number, fill] of pages) this.fills.set(number, fill);
    for (const number of [...this.fills.keys()]) if (number > commit) this.fills.delete(number);
    this.commit = commit;
    this.at += 1;
    this.files.push({ at: this.at, pages });
    return { pageSize: PAGE_SIZE, commit, txid: txid(this.at) };
  }
}

const pagesOf = (pages: ReadonlyMap<number, number>): readonly Page[] =>
  [...pages].map(([number, fill]) => ({ number: pageNumber(number), data: Buffer.alloc(PAGE_SIZE, fill) }));
const checksumOf = (number: number, fill: number) => pageChecksum(pageNumber(number), Buffer.alloc(PAGE_SIZE, fill));

/** What a new process finds: the file on disk, and the files staged since. */
async function reload(path: string, model: Model, memoryLimit: number) {
  const opened = await openChecksumFile(path);
  const later = new Map<number, bigint>();
  for (const { at, pages } of model.files) {
    if (opened === undefined || at <= opened.header.txid) continue;
    for (const [number, fill] of pages) later.set(number, checksumOf(number, fill));
  }
  const current = opened && { pageSize: PAGE_SIZE, commit: model.commit, txid: txid(model.at) };
  const checksums = new PageChecksums(path, opened?.header, current, later, memoryLimit);
  const found = opened && (await checksumSource(opened.header, opened.file, later, model.commit).read(1, model.commit));
  await opened?.file.close();
  return { checksums, found };
}

async function live(path: string, steps: readonly Step[], memoryLimit: number): Promise<void> {
  const model = new Model();
  let { checksums } = await reload(path, model, memoryLimit);
  const check = async () => {
    const { found } = await reload(path, model, memoryLimit);
    if (found === undefined) return;
    const expected = Array.from({ length: model.commit }, (_, index) =>
      checksumOf(index + 1, model.fills.get(index + 1) ?? 0),
    );
    expect([...found]).toEqual(expected);
  };
  for (const one of steps) {
    if (one.do === 'fold') await checksums.fold();
    if (one.do === 'restart') checksums = (await reload(path, model, memoryLimit)).checksums;
    if (one.do !== 'file') continue;
    const whole = model.complete(one.file);
    await checksums.begin(whole.kind);
    for (const page of pagesOf(whole.pages)) await checksums.record([page]);
    if (whole.outcome === 'failed') await checksums.abandon();
    else await checksums.settle(model.apply(whole));
    await check();
  }
  await checksums.fold();
  await check();
  expect(readdirSync(join(path, '..')).filter((name) => name !== 'page-checksums')).toEqual([]);
}

describe('the page checksums', () => {
  it('are those of the last durable state, after any sequence of files, failures, folds and restarts', async () => {
    const run = fc.asyncProperty(
      fc.array(step, { maxLength: 30 }),
      fc.constantFrom(1, 4, 1_000),
      async (steps, limit) => {
        const folder = mkdtempSync(join(tmpdir(), 'checksums-'));
        try {
          await live(join(folder, 'page-checksums'), steps, limit);
        } finally {
          rmSync(folder, { recursive: true });
        }
      },
    );
    await fc.assert(run, { numRuns: 150 });
  });

  it('are there once a file of every page was durable', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'checksums-'));
    const model = new Model();
    const path = join(folder, 'page-checksums');
    const checksums = new PageChecksums(path, undefined, undefined, new Map());
    const whole: File = {
      kind: 'every-page',
      commit: 2,
      outcome: 'durable',
      pages: new Map([
        [1, 5],
        [2, 6],
      ]),
    };
    await checksums.begin('every-page');
    await checksums.record(pagesOf(whole.pages));
    await checksums.settle(model.apply(whole));
    expect(checksums.durableTxid).toBe(1);
    expect([...((await reload(path, model, 10)).found ?? [])]).toEqual([checksumOf(1, 5), checksumOf(2, 6)]);
    rmSync(folder, { recursive: true });
  });
});
