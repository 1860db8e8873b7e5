import { describe, expect, it } from 'vitest';
import { SegmentMemory } from '../../src/restore/segment-memory.ts';

const LARGEST = 4096;

const isFreed = (piece: Uint8Array) => (piece.buffer as ArrayBuffer).detached;

describe('memory for pieces of files', () => {
  it('is used again for the next large piece', () => {
    const memory = new SegmentMemory(LARGEST);
    const first = memory.take(LARGEST);
    memory.give(first.subarray(0, 3000));
    expect(memory.take(3000).buffer).toBe(first.buffer);
  });

  it('is never given out twice at a time', () => {
    const memory = new SegmentMemory(LARGEST);
    const first = memory.take(LARGEST);
    expect(memory.take(LARGEST).buffer).not.toBe(first.buffer);
  });

  it('is of a small piece no larger than the piece', () => {
    const memory = new SegmentMemory(LARGEST);
    expect(memory.take(10).buffer.byteLength).toBe(10);
  });

  it('goes back as soon as only small pieces are wanted, also what is in use then', () => {
    const memory = new SegmentMemory(LARGEST);
    const [given, inUse] = [memory.take(LARGEST), memory.take(LARGEST)];
    memory.give(given.subarray());
    memory.drop();
    expect(isFreed(inUse)).toBe(false);
    memory.give(inUse.subarray(0, 10));
    expect(isFreed(inUse)).toBe(true);
    expect(memory.take(LARGEST).byteLength).toBe(LARGEST);
  });

  it('is kept again once a large piece is wanted', () => {
    const memory = new SegmentMemory(LARGEST);
    memory.drop();
    const piece = memory.take(LARGEST);
    memory.give(piece);
    expect(memory.take(LARGEST).buffer).toBe(piece.buffer);
  });
});
