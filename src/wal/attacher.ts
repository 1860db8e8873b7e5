import { statSync } from 'node:fs';
import { AttachedDatabase } from './attached-database.ts';
import { type DatabaseFileKind, identityOf, inspectUnconnected } from './database-file.ts';
import type { NextStep } from './follow-loop.ts';
import type { FollowerNotice } from './follower.ts';
import { turnToWal } from './wal-mode.ts';

/** After this long, a database that is written to without pause in rollback mode is turned to WAL all the same. */
const PATIENCE = 1_000;

const RETRY = 20;
const SLOW_RETRY = 500;
/** As with `locking_mode = EXCLUSIVE`, or a rollback-mode transaction that does not end. */
const LOCKED_NOTICE_AFTER = 5_000;
const LOCKED_NOTICE_EVERY = 30_000;

export interface Attachment {
  readonly database: AttachedDatabase;
  /** We turned it to WAL mode, which changed page 1 in a way that no WAL carries. */
  readonly turned: boolean;
}

/** Waits for a database to exist, to hold a page, and to be in WAL mode, then connects. */
export class Attacher {
  readonly #path: string;
  readonly #notice: (notice: FollowerNotice) => void;
  #rollbackSince: number | undefined;
  #lastStamp = '';
  #turned = false;
  #lockedSince: number | undefined;
  #lastNotice = Number.NEGATIVE_INFINITY;
  kind: DatabaseFileKind = 'absent';

  constructor(path: string, notice: (notice: FollowerNotice) => void) {
    this.#path = path;
    this.#notice = notice;
  }

  /** Connects if that is possible now. `hurry`: nobody else has the database open. */
  attempt(now: number, hurry: boolean): Attachment | undefined {
    this.kind = inspectUnconnected(this.#path);
    if (this.kind === 'rollback' && (hurry || this.#isTimeToTurn(now)) && turnToWal(this.#path)) {
      this.#turned = true;
      this.kind = 'wal';
      this.#notice({ level: 'info', message: 'journal mode set to WAL' });
    }
    if (this.kind !== 'wal') return undefined;
    const database = AttachedDatabase.attach(this.#path);
    return database === undefined ? undefined : { database, turned: this.#turned };
  }

  /** When to try again after an attempt that failed. */
  nextAttempt(now: number): NextStep {
    if (this.kind === 'absent' || this.kind === 'empty') {
      this.#lockedSince = undefined;
      return 'when-something-stirs';
    }
    if (this.kind === 'foreign') return SLOW_RETRY;
    this.#lockedSince ??= now;
    if (now - this.#lockedSince < LOCKED_NOTICE_AFTER) return RETRY;
    if (now - this.#lastNotice >= LOCKED_NOTICE_EVERY) {
      this.#lastNotice = now;
      const fields = { for_ms: Math.round(now - this.#lockedSince), mode: this.kind };
      this.#notice({ level: 'warn', message: 'database is locked: another process holds it exclusively', fields });
    }
    return SLOW_RETRY;
  }

  /** An application that has just made its database is about to choose the mode itself: wait for a pause first. */
  #isTimeToTurn(now: number): boolean {
    this.#rollbackSince ??= now;
    if (identityOf(`${this.#path}-journal`) !== undefined) return false;
    const found = statSync(this.#path, { throwIfNoEntry: false });
    const stamp = `${found?.mtimeMs}:${found?.size}`;
    const paused = stamp === this.#lastStamp;
    this.#lastStamp = stamp;
    return paused || now - this.#rollbackSince > PATIENCE;
  }
}
