/** Lets any number wait until something has changed, and look then whether it is what they wait for. */
export class Changes {
  #waiting: (() => void)[] = [];

  /** Resolves at the next `tell`, or when the signal aborts. */
  next(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        signal?.removeEventListener('abort', go);
        resolve();
      };
      signal?.addEventListener('abort', go);
      this.#waiting.push(go);
    });
  }

  tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }
}
