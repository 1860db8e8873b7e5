import type { ChangeSet, Snapshot } from '../../../src/wal/change-set.ts';
import type { Follower } from '../../../src/wal/follower.ts';
import type { WalPosition } from '../../../src/wal/wal-position.ts';
import { changeSet, page, snapshotOf, wholeDatabase } from './change-sets.ts';

/** A database of two pages in memory: page 2 holds the number of the last commit. */
export class FakeFollower implements Follower {
  commits = 0;
  /** How often it was asked. */
  asked = 0;
  exists = true;
  failure: Error | undefined;
  position: WalPosition | undefined;
  readonly handedOver: (ChangeSet & { released(): number })[] = [];
  readonly snapshots: (Snapshot & { released(): number })[] = [];
  #taken = 0;
  #isFirst = true;

  async changes(options: { readonly snapshot?: boolean } = {}) {
    this.asked += 1;
    if (this.failure !== undefined) throw this.failure;
    const taken = this.#take();
    if (!options.snapshot || !this.exists) return { changeSet: taken, snapshot: undefined, position: this.position };
    const snapshot = snapshotOf({ 1: page(1), 2: page(this.#taken) });
    this.snapshots.push(snapshot);
    return { changeSet: taken, snapshot, position: this.position };
  }

  async finish() {
    const last = this.#take();
    return last === undefined ? [] : [last];
  }

  #take(): ChangeSet | undefined {
    if (!this.exists || this.commits === this.#taken) return undefined;
    this.#taken = this.commits;
    const pages = { 1: page(1), 2: page(this.#taken) };
    const taken = this.#isFirst ? wholeDatabase(pages) : changeSet(pages);
    this.#isFirst = false;
    this.handedOver.push(taken);
    return taken;
  }
}
