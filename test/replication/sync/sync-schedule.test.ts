import { describe, expect, it } from 'vitest';
import { milliseconds, txid } from '../../../src/quantities.ts';
import { wishedAbove } from '../../../src/replication/sync/snapshot-wish.ts';
import { nextSyncAt, type SyncNeeds, syncDueAt } from '../../../src/replication/sync/sync-schedule.ts';

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

describe('the next sync', () => {
  const now = milliseconds(12_000);
  const wish = wishedAbove(undefined, txid(3));
  const later = { ...wish, notBefore: milliseconds(15_000) };
  const needs: SyncNeeds = {
    commits: 'none',
    hasUnwritten: false,
    lastStart: milliseconds(9_000),
    interval,
    wish: undefined,
    isCopyWanted: false,
  };

  it.each<[string, Partial<SyncNeeds>, number | undefined]>([
    ['nothing: it is not due', {}, undefined],
    ['commits: an interval after the last', { commits: 'some' }, 19_000],
    ['a sync that was asked for: at once', { commits: 'now' }, 12_000],
    ['what did not get to the disk: an interval after the last', { hasUnwritten: true }, 19_000],
    ['a snapshot: at once', { wish }, 12_000],
    ['a snapshot that has failed: after a pause', { wish: later }, 15_000],
    [
      'a snapshot of a database that is not there: it is not due',
      { wish: { ...wish, waits: 'for-a-commit' } },
      undefined,
    ],
    ['a copy that somebody waits for: at once', { isCopyWanted: true }, 12_000],
    ['several things: with the first of them', { commits: 'some', wish: later }, 15_000],
  ])('for %s', (_, change, due) => {
    expect(syncDueAt({ ...needs, ...change }, now)).toBe(due);
  });
});
