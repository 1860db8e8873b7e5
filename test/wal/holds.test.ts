import { describe, expect, it } from 'vitest';
import { Holds } from '../../src/wal/holds.ts';

describe('holds', () => {
  it('tell when the last of them is let go of, in whatever order', () => {
    let told = 0;
    const holds = new Holds(() => {
      told += 1;
    });
    const [first, second] = [holds.take(), holds.take()];
    first();
    expect([holds.isAny, told]).toEqual([true, 0]);
    second();
    expect([holds.isAny, told]).toEqual([false, 1]);
    holds.take()();
    expect(told).toBe(2);
  });

  it('are let go of once each: a second time would end the hold of another', () => {
    const holds = new Holds(() => undefined);
    const release = holds.take();
    holds.take();
    release();
    expect(release).toThrow('released twice');
    expect(holds.isAny).toBe(true);
  });
});
