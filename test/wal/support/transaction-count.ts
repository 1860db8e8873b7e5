import type { Page } from '../../../src/page.ts';

const MARK_LENGTH = 9;

/**
 * Reads the marks `@@writer:000000001@@` that every writer's transaction leaves on a page, frame by frame, and notes
 * each number that was skipped: comparing the final image alone would not show a lost transaction.
 */
export class TransactionCount {
  readonly gaps: string[] = [];
  readonly #last = new Map<string, number>();
  readonly #current = new Map<string, number>();
  commits = 0;
  frames = 0;

  frame(page: Page, commit: number): void {
    this.frames += 1;
    const data = Buffer.from(page.data.buffer, page.data.byteOffset, page.data.byteLength);
    for (let at = data.indexOf('@@'); at >= 0; at = data.indexOf('@@', at + 1)) this.#mark(data, at + 2);
    if (commit === 0) return;
    this.commits += 1;
    for (const [writer, number] of this.#current) {
      const expected = (this.#last.get(writer) ?? 0) + 1;
      if (number > expected) this.gaps.push(`${writer}: ${expected} to ${number - 1}`);
      if (number >= expected) this.#last.set(writer, number);
    }
    this.#current.clear();
  }

  last(writer: string): number {
    return this.#last.get(writer) ?? 0;
  }

  /** Goes on from what a writer had reached before it was followed. */
  startFrom(writer: string, number: number): void {
    this.#last.set(writer, number);
  }

  /** Stale marks stay in a page's free space: the largest counts. */
  #mark(data: Buffer, start: number): void {
    const colon = data.indexOf(':', start);
    if (colon < 0 || colon - start > 8) return;
    const digits = data.toString('latin1', colon + 1, colon + 1 + MARK_LENGTH);
    if (!/^\d{9}$/.test(digits) || data.toString('latin1', colon + 10, colon + 12) !== '@@') return;
    const writer = data.toString('latin1', start, colon);
    this.#current.set(writer, Math.max(this.#current.get(writer) ?? 0, Number(digits)));
  }
}
