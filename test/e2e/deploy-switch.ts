import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Life } from './life.ts';

const listening = /health endpoints" addr=\S+:(\d+)/;

/** One revision of a service, as a platform runs it. */
export interface Revision {
  readonly life: Life;
  /** Where its program listens. */
  readonly port: number;
}

/**
 * What stands before a service: requests go to the newest revision whose /readyz says 200. It looks every 50 ms, as no
 * platform does: what the writers see is due to the program, and not to the platform.
 */
export class Switch implements AsyncDisposable {
  readonly #revisions: Revision[] = [];
  readonly #ready = new Set<Revision>();
  readonly #looking: Promise<void>;
  #closed = false;

  constructor() {
    this.#looking = this.#look();
  }

  add(revision: Revision): void {
    this.#revisions.push(revision);
  }

  isReady(revision: Revision): boolean {
    return this.#ready.has(revision);
  }

  /** Where a request goes now; undefined: nowhere. */
  get target(): Revision | undefined {
    return this.#revisions.findLast((revision) => this.#ready.has(revision));
  }

  async #look(): Promise<void> {
    while (!this.#closed) {
      await Promise.all(
        this.#revisions.map(async (revision) => {
          if (await isReady(revision.life)) this.#ready.add(revision);
          else this.#ready.delete(revision);
        }),
      );
      await pause(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#looking;
  }
}

async function isReady(life: Life): Promise<boolean> {
  const port = listening.exec(life.log())?.[1];
  if (port === undefined) return false;
  try {
    const { status } = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2_000) });
    return status === 200;
  } catch {
    // It has ended.
    return false;
  }
}

/** Clients that post a row each, again and again, through a switch. */
export class Writers implements AsyncDisposable {
  readonly acknowledged: string[] = [];
  /** The longest time between two rows that were acknowledged, in ms, since it was last set to 0. */
  longestGap = 0;
  readonly #through: Switch;
  #last = performance.now();
  #closed = false;
  readonly #writing: Promise<unknown>;

  constructor(through: Switch, count: number) {
    this.#through = through;
    this.#writing = Promise.all(Array.from({ length: count }, (_, index) => this.#write(`writer-${index}`)));
  }

  async #write(name: string): Promise<void> {
    for (let number = 1; !this.#closed; number += 1) {
      const text = `${name} row ${number}`;
      const { target } = this.#through;
      if (target !== undefined && (await post(target.port, text))) {
        this.longestGap = Math.max(this.longestGap, performance.now() - this.#last);
        this.#last = performance.now();
        this.acknowledged.push(text);
      }
      await pause(10);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#writing;
  }
}

/** @returns whether the row is committed, as far as the answer tells */
async function post(port: number, body: string): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/rows`, {
      method: 'POST',
      body,
      signal: AbortSignal.timeout(5_000),
    });
    return answer.status === 201;
  } catch {
    return false;
  }
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
