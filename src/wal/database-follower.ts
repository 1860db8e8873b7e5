import { setTimeout as delay } from 'node:timers/promises';
import { isStationError, StationError } from '../errors.ts';
import { Attacher, type Attachment } from './attacher.ts';
import type { ChangeSet } from './change-set.ts';
import { FollowLoop, type NextStep } from './follow-loop.ts';
import { FollowedDatabase } from './followed-database.ts';
import type { Follower, FollowerNotice, FollowerOptions } from './follower.ts';
import { Pace } from './pace.ts';
import { readPageOne } from './page-source.ts';
import { SerialQueue } from './serial-queue.ts';
import { type StartState, startState } from './start-state.ts';

const RETRY_ATTACHING = 20;
const LOOK_FOR_REPLACEMENT = 200;
const AFTER_FAILURE = 1_000;
const FAILURE_NOTICE_EVERY = 30_000;
/** How long the end waits for a database that somebody has locked. */
const LAST_ATTEMPTS = 2_000;

/** One database path over time: waiting for a database, following it, changing over when another takes its place. */
export class DatabaseFollower implements Follower {
  readonly #options: FollowerOptions;
  readonly #queue = new SerialQueue();
  readonly #loop: FollowLoop;
  #attacher: Attacher;
  #followed: FollowedDatabase | undefined;
  #pace: Pace | undefined;
  /** Change sets of databases that are gone, not taken yet. */
  readonly #completed: ChangeSet[] = [];
  #isFirst = true;
  #announced = false;
  #ended = false;
  #lastLook = 0;
  #lastFailureNotice = Number.NEGATIVE_INFINITY;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#attacher = this.#newAttacher();
    this.#loop = new FollowLoop(options.path, () => this.#queue.run(() => this.#step()));
  }

  /** Connects at once if the database is there. From then on no frame can be lost. */
  start(): void {
    try {
      this.#attach(performance.now(), true);
    } catch (error) {
      throw asCaptureError(error, this.#options.path);
    }
    this.#loop.start();
  }

  changes(options: { readonly snapshot?: boolean } = {}): ReturnType<Follower['changes']> {
    return this.#queue.run(async () => {
      if (this.#ended) throw new StationError('CAPTURE_FAILED', 'the follower has ended');
      try {
        return await this.#changes(options.snapshot === true);
      } catch (error) {
        throw asCaptureError(error, this.#options.path);
      } finally {
        this.#announced = false;
        this.#loop.wake();
      }
    });
  }

  finish(): Promise<readonly ChangeSet[]> {
    return this.#queue.run(async () => {
      this.#ended = true;
      this.#loop.stop();
      try {
        await this.#changeOverIfReplaced(performance.now(), true);
        await this.#attachForTheEnd();
        const last = await this.#followed?.end();
        this.#followed = undefined;
        return [...this.#completed, ...(last === undefined ? [] : [last])];
      } catch (error) {
        throw asCaptureError(error, this.#options.path);
      }
    });
  }

  async #changes(snapshot: boolean): Promise<Awaited<ReturnType<Follower['changes']>>> {
    const now = performance.now();
    await this.#changeOverIfReplaced(now, true);
    const completed = this.#completed.shift();
    if (completed !== undefined) {
      return { changeSet: completed, snapshot: undefined, position: completed.position, unread: true };
    }
    if (this.#followed === undefined) this.#attach(now, false);
    if (this.#attacher.kind === 'foreign' && this.#followed === undefined) throw notADatabase(this.#options.path);
    if (this.#followed === undefined) {
      const unread = this.#attacher.kind !== 'absent' && this.#attacher.kind !== 'empty';
      return { changeSet: undefined, snapshot: undefined, position: undefined, unread };
    }
    const taken = await this.#followed.take(snapshot);
    return { ...taken, position: this.#followed.position };
  }

  /** One look at the database. Failures are told at most every 30 s; `changes()` meets them again and rejects. */
  async #step(): Promise<NextStep> {
    const now = performance.now();
    try {
      await this.#changeOverIfReplaced(now, false);
      if (this.#followed === undefined && !this.#attach(now, false)) {
        this.#announce();
        return this.#attacher.nextAttempt(now);
      }
      const next = (await this.#pace?.tick(now)) ?? RETRY_ATTACHING;
      this.#announce();
      return next;
    } catch (error) {
      this.#tellFailure(error, now);
      return AFTER_FAILURE;
    }
  }

  #attach(now: number, hurry: boolean): boolean {
    const attachment = this.#attacher.attempt(now, hurry);
    const absent = this.#attacher.kind === 'absent' || this.#attacher.kind === 'empty';
    if (attachment === undefined) {
      // What was replicated before is gone: whatever comes now is another database.
      if (absent && this.#isFirst && this.#options.known.kind !== 'nothing') this.#isFirst = false;
      return false;
    }
    try {
      this.#follow(attachment, now);
    } catch (error) {
      attachment.database.close();
      throw error;
    }
    return true;
  }

  #follow(attachment: Attachment, now: number): void {
    const { database, turned } = attachment;
    const { known, spillFolder, events, checkpoint } = this.#options;
    const start: StartState = this.#isFirst
      ? startState(known, database)
      : { kind: 'baseline', baseline: { why: 'new-database' } };
    const followed = new FollowedDatabase(database, start, { spillFolder, events }, () => this.#loop.wake());
    if (turned && start.kind === 'go-on') followed.addPage(1, readPageOne(database.databaseFile, followed.pageSize));
    this.#isFirst = false;
    this.#followed = followed;
    this.#pace = new Pace(followed, checkpoint, (notice) => this.#notice(notice), now);
  }

  /** Connections live on in a deleted file without an error: only the path tells that another one is there. */
  async #changeOverIfReplaced(now: number, always: boolean): Promise<void> {
    const followed = this.#followed;
    if (followed === undefined || (!always && now - this.#lastLook < LOOK_FOR_REPLACEMENT)) return;
    this.#lastLook = now;
    if (!followed.database.isReplaced()) return;
    this.#options.events.replaced();
    const { changeSet } = await followed.take(false);
    if (changeSet !== undefined) this.#completed.push({ ...changeSet, position: undefined });
    followed.close();
    this.#followed = undefined;
    this.#pace = undefined;
    this.#attacher = this.#newAttacher();
  }

  async #attachForTheEnd(): Promise<void> {
    const deadline = performance.now() + LAST_ATTEMPTS;
    while (this.#followed === undefined && !this.#attach(performance.now(), true)) {
      const { kind } = this.#attacher;
      if (kind === 'absent' || kind === 'empty') return;
      if (kind === 'foreign') throw notADatabase(this.#options.path);
      if (performance.now() > deadline) {
        throw new StationError('CAPTURE_FAILED', `${this.#options.path} could not be opened in WAL mode at the end`);
      }
      await delay(RETRY_ATTACHING);
    }
  }

  #announce(): void {
    if (this.#announced) return;
    if (this.#completed.length === 0 && this.#followed?.hasChanges !== true) return;
    this.#announced = true;
    this.#options.events.committed();
  }

  #tellFailure(error: unknown, now: number): void {
    if (now - this.#lastFailureNotice < FAILURE_NOTICE_EVERY) return;
    this.#lastFailureNotice = now;
    this.#notice({
      level: 'warn',
      message: 'reading the WAL failed; trying again',
      fields: { error: messageOf(error) },
    });
  }

  #notice(notice: FollowerNotice): void {
    this.#options.events.notice(notice);
  }

  #newAttacher(): Attacher {
    return new Attacher(this.#options.path, (notice) => this.#notice(notice));
  }
}

function notADatabase(path: string): StationError {
  return new StationError('DATABASE_INVALID', `${path} is not a SQLite database`);
}

function asCaptureError(error: unknown, path: string): StationError {
  if (isStationError(error)) return error;
  return new StationError('CAPTURE_FAILED', `${path} could not be followed: ${messageOf(error)}`, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
