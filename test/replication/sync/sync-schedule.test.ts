import { describe, expect, it } from 'vitest';
import { milliseconds } from '../../../src/quantities.ts';
import { nextSyncAt } from '../../../src/replication/sync/sync-schedule.ts';

const interval = milliseconds(10_000);

describe('sync schedule', () => {
  it('starts the first sync at once', () => {
    expect(nextSyncAt(milliseconds(5), undefined, interval)).toBe(5);
  });

  it('starts at once when the last sync is an interval ago', () => {
    expect(nextSyncAt(milliseconds(20_000), milliseconds(9_000), interval)).toBe(20_000);
  });

  it('waits for the rest of the interval under steady commits', () => {
    expect(nextSyncAt(milliseconds(12_000), milliseconds(9_000), interval)).toBe(19_000);
  });
});
