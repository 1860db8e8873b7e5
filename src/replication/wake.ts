import type { Milliseconds } from '../quantities.ts';

/** Lets one loop sleep until something happens: a call of `wake`, a time, or the end. */
export class Wake {
  #woken = false;
  #resume: (() => void) | undefined;

  wake(): void {
    this.#woken = true;
    this.#resume?.();
  }

  /** Returns at the next `wake` (at once if one came since the last sleep), or after `most`. */
  async sleep(most: Milliseconds | undefined): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const timer = most === undefined ? undefined : setTimeout(resolve, most);
        this.#resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#woken = false;
    this.#resume = undefined;
  }
}
