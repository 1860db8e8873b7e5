import fc from 'fast-check';
import { type Bytes, type Milliseconds, milliseconds, type Txid, txid } from '../../../src/quantities.ts';
import { type HeldFile, HeldFiles, idOf } from '../../../src/replication/levels/held-files.ts';
import type { Merge } from '../../../src/replication/levels/merge-plan.ts';
import type { Inventory } from '../../../src/restore/inventory.ts';
import { planRestore, restorablePoints } from '../../../src/restore/plan.ts';

/** What one LTX file does to a database: these pages get these versions, and then it ends with so many pages. */
interface Effect {
  readonly pages: ReadonlyMap<number, number>;
  readonly commit: number;
}

/** Page to version. */
export type Image = ReadonlyMap<number, number>;

interface State {
  readonly image: Image;
  readonly time: Milliseconds;
  /** What the replica got it as. */
  readonly from: 'level-0' | 'snapshot';
}

/** One sync of the database, or the end of one history and the beginning of another above it. */
export type Change =
  | { readonly kind: 'write'; readonly pages: readonly number[] }
  | { readonly kind: 'resize'; readonly commit: number }
  | { readonly kind: 'vacuum'; readonly commit: number }
  | { readonly kind: 'fork'; readonly skip: number };

const page = fc.integer({ min: 1, max: 12 });
export const changes: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      pages: fc.array(page, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('resize' as const), commit: page }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('vacuum' as const), commit: page }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fork' as const), skip: fc.integer({ min: 1, max: 3 }) }) },
);

/** A database of a few pages, with its image as of every TXID, and a replica whose files hold effects instead of bytes. */
export class ModelReplica {
  held = new HeldFiles();
  /** The database as of each TXID, and when that was captured. */
  readonly states = new Map<Txid, State>();
  readonly #effects = new Map<string, Effect>();
  #image = new Map<number, number>([[1, 0]]);
  #version = 0;
  puts = 0;
  newest = txid(0);

  sync(change: Change, now: Milliseconds): void {
    const before = this.#image.size;
    this.#version += 1;
    const version = this.#version;
    const touched = new Set<number>();
    const image = new Map(this.#image);
    if (change.kind === 'write') for (const number of change.pages) touched.add(Math.min(number, image.size));
    if (change.kind === 'resize' || change.kind === 'vacuum') {
      for (let number = image.size + 1; number <= change.commit; number += 1) touched.add(number);
      for (let number = before; number > change.commit; number -= 1) image.delete(number);
      touched.add(1);
      if (change.kind === 'vacuum') for (const number of image.keys()) touched.add(number);
    }
    for (const number of touched) image.set(number, version);
    this.#image = image;
    const skip = change.kind === 'fork' ? change.skip : 0;
    const at = txid(this.newest + 1 + skip);
    this.states.set(at, { image, time: now, from: change.kind === 'fork' ? 'snapshot' : 'level-0' });
    this.newest = at;
    if (change.kind === 'fork') this.#put(9, txid(1), at, { pages: image, commit: image.size }, now, now);
    else {
      const pages = new Map([...touched].map((number) => [number, version]));
      this.#put(0, at, at, { pages: at === 1 ? image : pages, commit: image.size }, now, now);
    }
  }

  merge({ level, inputs }: Merge, now: Milliseconds): void {
    const pages = new Map<number, number>();
    let commit = 0;
    for (const input of inputs) {
      const effect = this.#effects.get(idOf(input)) as Effect;
      for (const [number, version] of effect.pages) pages.set(number, version);
      commit = effect.commit;
    }
    for (const number of pages.keys()) if (number > commit) pages.delete(number);
    const last = inputs.at(-1) as HeldFile;
    this.#put(level, inputs[0].minTxid, last.maxTxid, { pages, commit }, last.time, now);
  }

  snapshot(now: Milliseconds): void {
    const at = this.newest;
    const state = this.states.get(at);
    if (state === undefined) return;
    this.#put(9, txid(1), at, { pages: state.image, commit: state.image.size }, state.time, now);
  }

  #put(level: number, minTxid: Txid, maxTxid: Txid, effect: Effect, time: Milliseconds, now: Milliseconds): void {
    const file: HeldFile = { level, minTxid, maxTxid, size: 1000 as Bytes, time, timeFrom: 'header', storedAt: now };
    this.#effects.set(idOf(file), effect);
    this.held.add(file);
    this.puts += 1;
  }

  /** What a restart finds: the same files, of which only the listing's times are known. */
  restart(): void {
    this.held = new HeldFiles(this.held.all());
  }

  get inventory(): Inventory {
    return inventoryOf(this.held.all());
  }

  /** The TXIDs that can be restored. */
  points(): readonly Txid[] {
    return restorablePoints(this.inventory);
  }

  /** How many objects a restore of the newest state reads. */
  objectsToRestore(): number {
    const result = planRestore(this.inventory, { kind: 'newest' });
    return result.kind === 'plan' ? result.plan.files.length : Number.POSITIVE_INFINITY;
  }

  /** The image a restore to this TXID gives. */
  restore(point: Txid): Image {
    const result = planRestore(this.inventory, { kind: 'txid', txid: point });
    if (result.kind !== 'plan') throw new Error(`TXID ${point}: ${result.kind}`);
    return this.#apply(result.plan.files);
  }

  /** The same by the planning of stock Litestream from 0.5.8 on. */
  restoreAsStock(point: Txid): Image {
    return this.#apply(stockPlan(this.held.all(), point));
  }

  #apply(files: readonly Pick<HeldFile, 'level' | 'minTxid' | 'maxTxid'>[]): Image {
    const image = new Map<number, number>();
    let commit = 0;
    for (const file of files) {
      const effect = this.#effects.get(idOf(file)) as Effect;
      for (const [number, version] of effect.pages) image.set(number, version);
      commit = effect.commit;
    }
    // Litestream's merge cuts once, at the end.
    for (const number of image.keys()) if (number > commit) image.delete(number);
    return image;
  }
}

function inventoryOf(files: readonly HeldFile[]): Inventory {
  return {
    files: files.map((file) => ({ ...file, key: idOf(file), lastModified: file.storedAt })),
    newestListed: Math.max(0, ...files.map((file) => file.maxTxid)) as Txid,
    unreadable: undefined,
  };
}

/** CalcRestorePlan of Litestream 0.5.17, for one TXID. Throws where it finds none. */
function stockPlan(files: readonly HeldFile[], point: Txid): readonly HeldFile[] {
  const snapshot = files.filter((file) => file.level === 9 && file.maxTxid <= point).at(-1);
  const plan = snapshot === undefined ? [] : [snapshot];
  let current = snapshot?.maxTxid ?? 0;
  while (current < point) {
    const usable = files.filter(
      (file) => file.level < 9 && file.minTxid <= current + 1 && file.maxTxid > current && file.maxTxid <= point,
    );
    const [best] = usable.sort((a, b) => b.maxTxid - a.maxTxid || a.minTxid - b.minTxid || b.level - a.level);
    if (best === undefined) throw new Error(`stock Litestream finds no way from TXID ${current} to ${point}`);
    plan.push(best);
    current = best.maxTxid;
  }
  if (plan[0]?.minTxid !== 1) throw new Error('the first file holds no whole database');
  return plan;
}

export const at = (time: number): Milliseconds => milliseconds(time);
