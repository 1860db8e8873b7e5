import { FolderWatch } from './folder-watch.ts';

/** How soon a step wants to be called again: after so many milliseconds, or only when something stirs. */
export type NextStep = number | 'when-something-stirs';

const SLOW_POLL = 1_000;

/**
 * Calls `step` often while the database is written to, and hardly ever while it is not: then the folder is watched, with
 * one look a second for file systems that tell of nothing.
 */
export class FollowLoop {
  readonly #step: () => Promise<NextStep>;
  readonly #watch: FolderWatch;
  #timer: NodeJS.Timeout | undefined;
  #state: 'stopped' | 'waiting' | 'stepping' = 'stopped';
  #stirred = false;

  constructor(path: string, step: () => Promise<NextStep>) {
    this.#step = step;
    this.#watch = new FolderWatch(path, () => this.wake());
  }

  start(): void {
    this.#state = 'waiting';
    this.wake();
  }

  /** Makes the next step come at once. */
  wake(): void {
    this.#stirred = true;
    if (this.#state !== 'waiting') return;
    this.#watch.disarm();
    this.#schedule(0);
  }

  stop(): void {
    this.#state = 'stopped';
    clearTimeout(this.#timer);
    this.#watch.disarm();
  }

  #schedule(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), delay);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    if (this.#state !== 'waiting') return;
    this.#state = 'stepping';
    this.#stirred = false;
    const next = await this.#step();
    if ((this.#state as string) === 'stopped') return;
    if (next !== 'when-something-stirs') {
      this.#watch.disarm();
      this.#rest(next);
    } else if (this.#watch.arm()) {
      // What happened before the watch was armed told nobody: look once more.
      this.#rest(0);
    } else this.#rest(SLOW_POLL);
  }

  #rest(delay: number): void {
    this.#state = 'waiting';
    this.#schedule(this.#stirred ? 0 : delay);
  }
}
