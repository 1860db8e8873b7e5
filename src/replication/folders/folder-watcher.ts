import { join } from 'node:path';
import type { DatabaseFolderConfig } from '../../config/config.ts';
import { isMeant } from '../../config/folder-database.ts';
import { watchFolder } from '../../wal/folder-watch.ts';
import type { HeldDatabases } from './scan-folder.ts';

/** File systems that tell of nothing are looked at this often. */
const SLOW_LOOK = 15_000;
/** Many files that come together are met in one look. */
const GATHER = 100;
/** While files keep coming and going, this much is between two looks. */
const LEAST_PAUSE = 1_000;

export interface LookOutcome {
  /** To be watched from then on; undefined: those watched now. */
  readonly folders: readonly string[] | undefined;
  /** When to look again at the latest, in milliseconds. */
  readonly again: number | undefined;
}

/** Calls `look` when something in the folder may have become, or ceased to be, a database. Keeps no process alive. */
export class FolderWatcher {
  readonly #folder: DatabaseFolderConfig;
  readonly #held: HeldDatabases;
  readonly #look: () => LookOutcome;
  readonly #watches = new Map<string, () => void>();
  #timer: NodeJS.Timeout | undefined;
  #isStarted = false;
  #dueAt = Number.POSITIVE_INFINITY;
  #lastLook = Number.NEGATIVE_INFINITY;

  constructor(folder: DatabaseFolderConfig, held: HeldDatabases, look: () => LookOutcome) {
    this.#folder = folder;
    this.#held = held;
    this.#look = look;
  }

  start(): void {
    this.#isStarted = true;
    this.#lookNow();
  }

  /** Looks soon. */
  wake(): void {
    const now = performance.now();
    this.#lookAt(Math.max(now + GATHER, this.#lastLook + LEAST_PAUSE), now);
  }

  stop(): void {
    this.#isStarted = false;
    clearTimeout(this.#timer);
    for (const release of this.#watches.values()) release();
    this.#watches.clear();
  }

  #lookAt(due: number, now: number): void {
    if (!this.#isStarted || due >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = due;
    this.#timer = setTimeout(() => this.#lookNow(), due - now);
    this.#timer.unref();
  }

  #lookNow(): void {
    this.#dueAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    this.#lastLook = now;
    const { folders, again } = this.#look();
    // What happened before a folder was watched told nobody: look once more.
    if (folders !== undefined && this.#watch(folders)) this.wake();
    this.#lookAt(now + Math.min(again ?? SLOW_LOOK, SLOW_LOOK), now);
  }

  /** True if one of these was not watched before. */
  #watch(folders: readonly string[]): boolean {
    const wanted = new Set(folders);
    for (const [folder, release] of this.#watches) {
      if (wanted.has(folder)) continue;
      release();
      this.#watches.delete(folder);
    }
    let isNew = false;
    for (const folder of wanted) {
      if (this.#watches.has(folder)) continue;
      try {
        this.#watches.set(folder, this.#watchOne(folder));
        isNew = true;
      } catch {
        // The slow look remains.
      }
    }
    return isNew;
  }

  #watchOne(folder: string): () => void {
    return watchFolder(join(this.#folder.path, folder), {
      names: undefined,
      changed: (name, what) => {
        if (name === undefined || this.#matters(folder === '' ? name : `${folder}/${name}`, what)) this.wake();
      },
      lost: () => {
        this.#watches.get(folder)?.();
        this.#watches.delete(folder);
        this.wake();
      },
    });
  }

  /** Writes to a database that is followed are its follower's to notice; its WAL comes and goes all the time. */
  #matters(path: string, what: 'renamed' | 'written'): boolean {
    if (isMeant(this.#folder, path)) return what === 'renamed' || !this.#held.has(path);
    return what === 'renamed' && this.#folder.depth === 'with-subfolders' && !/-(wal|shm|journal)$/.test(path);
  }
}
