import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangeSet } from '../../../src/wal/change-set.ts';
import type { CheckpointLimits, Follower, FollowerNotice, KnownState } from '../../../src/wal/follower.ts';
import { openFollower } from '../../../src/wal/open-follower.ts';
import { Replica } from './replica.ts';
import { TransactionCount } from './transaction-count.ts';
import type { Writer, WriterResult } from './writers.ts';

/**
 * A database in a folder of its own, a follower of it, and what became of it. The follower lives in the test's own
 * process, so the test must not touch the database file itself (beyond `stat`) before `finish`.
 */
export class Workbench {
  readonly folder = mkdtempSync(join(tmpdir(), 'station-wal-'));
  readonly path = join(this.folder, 'station.db');
  readonly replica = new Replica(join(this.folder, 'replica'));
  readonly count = new TransactionCount();
  readonly notices: FollowerNotice[] = [];
  replacements = 0;
  committedCalls = 0;
  largestWal = 0;
  #follower: Follower | undefined;

  get follower(): Follower {
    if (this.#follower === undefined) throw new Error('follow first');
    return this.#follower;
  }

  async follow(known: KnownState = { kind: 'nothing' }, checkpoint: Partial<CheckpointLimits> = {}): Promise<void> {
    this.#follower = await openFollower({
      path: this.path,
      spillFolder: join(this.folder, 'spill'),
      known,
      checkpoint,
      events: {
        committed: () => {
          this.committedCalls += 1;
        },
        replaced: () => {
          this.replacements += 1;
        },
        notice: (notice) => {
          this.notices.push(notice);
        },
        frame: (page, commit) => this.count.frame(page, commit),
      },
    });
  }

  /** As after a restore: the replica is a copy of the file, and every frame from now on is seen. */
  async followRestored(pageSize: number, checkpoint: Partial<CheckpointLimits> = {}): Promise<void> {
    copyFileSync(this.path, join(this.folder, 'replica'));
    await this.follow({ kind: 'restored', pageSize, commit: statSync(this.path).size / pageSize }, checkpoint);
  }

  /** Takes what there is; true if there was anything. */
  async take(): Promise<boolean> {
    const { changeSet } = await this.follower.changes();
    if (changeSet !== undefined) await this.replica.apply(changeSet);
    this.largestWal = Math.max(this.largestWal, statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0);
    return changeSet !== undefined;
  }

  /** Takes change sets every few milliseconds until all writers have ended. */
  async takeWhile(writers: readonly Writer[], every = 20): Promise<readonly WriterResult[]> {
    let going = true;
    const results = Promise.all(writers.map((writer) => writer.ended)).finally(() => {
      going = false;
    });
    while (going) {
      await this.take();
      await Promise.race([sleep(every), results]);
    }
    // The last take began before the writers' last commits; what the follower reads by itself comes a tick later.
    await this.take();
    return results;
  }

  async finish(): Promise<void> {
    for (const changeSet of await this.follower.finish()) await this.replica.apply(changeSet as ChangeSet);
  }

  difference(pageSize = 4096): string | undefined {
    return this.replica.differenceFrom(this.path, pageSize);
  }

  /** Files beside the database that belong to SQLite. */
  leftovers(): readonly string[] {
    return readdirSync(this.folder).filter((name) => name.startsWith('station.db-'));
  }

  dispose(): void {
    this.replica.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
