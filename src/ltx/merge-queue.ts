import type { MergeInput } from './merge-input.ts';

/** Inputs by the page they have come to, lowest first, and of the same page newest first: a binary heap. */
export class MergeQueue {
  readonly #heap: MergeInput[] = [];

  /** The input whose page comes next; undefined if none is left. */
  get first(): MergeInput | undefined {
    return this.#heap[0];
  }

  /** Adds an input that has a page. */
  add(input: MergeInput): void {
    const heap = this.#heap;
    let at = heap.push(input) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as MergeInput;
      if (!isBefore(input, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = input;
  }

  /** Puts the first input where it belongs now that it has come to a later page. */
  settleFirst(): void {
    const input = this.#heap[0];
    if (input !== undefined) this.#sink(input);
  }

  /** Takes out the first input. */
  removeFirst(): void {
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) this.#sink(last);
  }

  #sink(input: MergeInput): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right] as MergeInput, heap[child] as MergeInput)) child = right;
      const below = heap[child] as MergeInput;
      if (!isBefore(below, input)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = input;
  }
}

function isBefore(one: MergeInput, other: MergeInput): boolean {
  const difference = (one.page?.number ?? 0) - (other.page?.number ?? 0);
  return difference < 0 || (difference === 0 && one.order > other.order);
}
