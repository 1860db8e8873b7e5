import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { putEachPart } from '../../src/storage/body-parts.ts';
import { bodyFromBytes } from '../../src/storage/object-body.ts';

const body = (size: number) => bodyFromBytes(Uint8Array.from({ length: size }, (_, index) => index));

describe('the parts of a body', () => {
  it('are all of it in order, no more of them than there may be, and so many at a time', async () => {
    const limits = fc.record({
      partSize: fc.integer({ min: 1, max: 20 }),
      mostParts: fc.integer({ min: 1, max: 8 }),
      concurrency: fc.integer({ min: 1, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 100 }), limits, async (size, given) => {
        let underWay = 0;
        let most = 0;
        const parts = await putEachPart(body(size), given, undefined, async (index, content) => {
          underWay += 1;
          most = Math.max(most, underWay);
          // The later ones are done first; the buffer is used again once this returns.
          for (let turn = index % 3; turn < 3; turn += 1) await nextTurn();
          underWay -= 1;
          return [...content];
        });
        expect(parts.flat()).toEqual(Array.from({ length: size }, (_, index) => index));
        expect(new Set(parts.slice(0, -1).map((part) => part.length)).size).toBeLessThanOrEqual(1);
        expect(parts.length).toBeLessThanOrEqual(given.mostParts);
        expect(most).toBe(Math.min(given.concurrency, parts.length));
      }),
    );
  });

  it('are put no further once one has failed, and the failure is told when none is under way', async () => {
    const begun: number[] = [];
    let underWay = 0;
    const putting = putEachPart(
      body(100),
      { partSize: 10, mostParts: 100, concurrency: 2 },
      undefined,
      async (index, _, signal) => {
        begun.push(index);
        if (index === 2) throw new Error('no room');
        underWay += 1;
        await new Promise((resolve) => setTimeout(resolve, index === 3 ? 20 : 1));
        underWay -= 1;
        signal.throwIfAborted();
      },
    );
    await expect(putting).rejects.toThrow('no room');
    expect(underWay).toBe(0);
    expect(Math.max(...begun)).toBeLessThanOrEqual(3);
  });

  it('are put no further after an abort, whose reason is told', async () => {
    const stop = new AbortController();
    const begun: number[] = [];
    const limits = { partSize: 10, mostParts: 100, concurrency: 1 };
    const putting = putEachPart(body(100), limits, stop.signal, async (index) => {
      begun.push(index);
      if (index === 1) stop.abort(new Error('enough'));
    });
    await expect(putting).rejects.toThrow('enough');
    expect(begun).toEqual([0, 1]);
  });
});
