import { setFlagsFromString } from 'node:v8';

/**
 * What makes the garbage. Of what is fetched by far the most is the SDK's, of its requests, or that of the bodies; of pages
 * that are written, that of each page.
 */
export type Garbage = 'small-objects' | 'large-objects' | 'pages';

/**
 * By how much the heap may outgrow what is alive before all garbage is collected, in percent. Requests by the thousand leave
 * tens of megabytes behind that V8 would collect late, having a machine's memory in mind and not a container's. Of bodies
 * most is collected young (see `noteGarbage`); as tight as for requests, it would cost as much time as all the rest.
 */
const GROWTH: Readonly<Record<Garbage, number>> = { 'small-objects': 20, 'large-objects': 70, pages: 20 };
/** As V8 sees fit. */
const UNLIMITED = 0;

/** Buffers are not in the heap, so they do not make V8 collect; as many bytes of them may wait. */
const MOST_YOUNG = 2 * 1024 * 1024;

const holders = new Map<TightHeap, Garbage>();
let waiting = 0;

/** Keeps the heap close to what is alive, for as long as anybody holds it. */
export class TightHeap {
  hold(garbage: Garbage): void {
    if (holders.get(this) === garbage) return;
    holders.set(this, garbage);
    limitGrowth();
  }

  release(): void {
    if (holders.delete(this)) limitGrowth();
  }
}

/** So many bytes of young buffers are garbage, or will be in a moment. */
export function noteGarbage(size: number): void {
  if (holders.size === 0) return;
  waiting += size;
  if (waiting < MOST_YOUNG) return;
  waiting = 0;
  // There where the launcher has asked Node for it.
  globalThis.gc?.({ type: 'minor' });
}

function limitGrowth(): void {
  const limits = [...holders.values()].map((garbage) => GROWTH[garbage]);
  setFlagsFromString(`--heap-growing-percent=${limits.length === 0 ? UNLIMITED : Math.min(...limits)}`);
}
