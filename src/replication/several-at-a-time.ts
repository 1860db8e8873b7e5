/** Runs pieces of work in the order in which they came, at most so many at the same time. */
export class SeveralAtATime {
  #most: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#most) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await work();
    } finally {
      // Its place goes to the next in line, so that nobody who comes now gets in before.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  /** From now on nothing waits. */
  letAllRun(): void {
    this.#most = Number.POSITIVE_INFINITY;
    for (const start of this.#waiting.splice(0)) {
      this.#running += 1;
      start();
    }
  }
}
