import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { noteGarbage, TightHeap } from '../src/tight-heap.ts';

const MIB = 1024 * 1024;

describe('garbage of a restore', () => {
  const collect = vi.fn();
  const heap = new TightHeap();
  beforeEach(() => {
    collect.mockClear();
    vi.stubGlobal('gc', collect);
  });
  afterEach(() => {
    heap.release();
    vi.unstubAllGlobals();
  });

  it('is collected young, every two MiB of it', () => {
    heap.hold('large-objects');
    for (let count = 0; count < 20; count += 1) noteGarbage(MIB / 2);
    expect(collect).toHaveBeenCalledTimes(5);
    expect(collect).toHaveBeenCalledWith({ type: 'minor' });
  });

  it('is left to the engine where no restore is under way', () => {
    heap.hold('small-objects');
    heap.release();
    noteGarbage(100 * MIB);
    expect(collect).not.toHaveBeenCalled();
  });

  it('is left to the engine where the launcher has not asked for a say in it', () => {
    vi.stubGlobal('gc', undefined);
    heap.hold('large-objects');
    expect(() => noteGarbage(100 * MIB)).not.toThrow();
  });
});
