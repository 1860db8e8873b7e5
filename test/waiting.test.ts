import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { aborted, wait } from '../src/waiting.ts';

describe('a wait', () => {
  it('ends with its time, and leaves no listener behind', async () => {
    const { signal } = new AbortController();
    await wait(1, signal);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('is ended by an abort, with the reason given for it', async () => {
    const stop = new AbortController();
    const waiting = wait(60_000, stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  it('does not begin after an abort', async () => {
    await expect(wait(60_000, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});

describe('the end of somebody else’s time', () => {
  it('is told when it comes, and to who asks after it', async () => {
    const stop = new AbortController();
    const told = aborted(stop.signal);
    expect(await Promise.race([told, Promise.resolve('not yet')])).toBe('not yet');
    stop.abort();
    expect(await told).toBe('aborted');
    expect(await aborted(stop.signal)).toBe('aborted');
  });
});
