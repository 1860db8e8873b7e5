import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Changes } from '../../src/replication/changes.ts';

describe('who waits for a change', () => {
  it('is told of the next one, with all others, and of none before', async () => {
    const changes = new Changes();
    changes.tell();
    const told: string[] = [];
    const waiting = ['one', 'other'].map((name) => changes.next().then(() => told.push(name)));
    await Promise.resolve();
    expect(told).toEqual([]);
    changes.tell();
    await Promise.all(waiting);
    expect(told).toEqual(['one', 'other']);
  });

  it('waits no longer than his signal, and leaves no listener on it', async () => {
    const changes = new Changes();
    const stop = new AbortController();
    const waiting = changes.next(stop.signal);
    stop.abort();
    await waiting;
    const { signal } = new AbortController();
    const next = changes.next(signal);
    changes.tell();
    await next;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
