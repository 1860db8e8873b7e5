import { describe, expect, it } from 'vitest';
import { StationError } from '../../../src/errors.ts';
import { bytes, milliseconds, txid } from '../../../src/quantities.ts';
import {
  drainOf,
  type ReplicaPast,
  stateOf,
  syncedUpTo,
  type UploaderView,
} from '../../../src/replication/replica/replica-report.ts';

const denied = new StationError('STORAGE_DENIED', 'denied');
const ahead = new StationError('REPLICA_AHEAD', 'it is ahead');
const missing = {
  files: 2,
  txids: { first: txid(6), last: txid(7) },
  bytes: bytes(200),
  since: milliseconds(60),
};

/** TXIDs 6 and 7 are staged, and not there yet. */
const behind: UploaderView = {
  status: { kind: 'following', position: txid(5) },
  health: { kind: 'answering' },
  position: txid(5),
  sentUpTo: txid(5),
  missing,
  complete: false,
};
const stopped: UploaderView = { ...behind, status: { kind: 'stopped', error: ahead }, position: undefined };
const failing: UploaderView = {
  ...behind,
  health: { kind: 'failing', since: milliseconds(0), failures: 3, error: denied },
};
const waiting: UploaderView = {
  ...behind,
  status: { kind: 'needs-snapshot', why: 'it is empty', above: txid(0) },
  position: undefined,
  sentUpTo: undefined,
};

describe('the end of a drain', () => {
  it.each([
    ['behind, and answering', behind, 'the time was used up'],
    ['failing', failing, 'denied'],
    ['stopped, whatever its requests do', { ...stopped, health: failing.health }, 'it is ahead'],
    ['in want of a snapshot', waiting, 'it needs a snapshot: it is empty'],
  ])('tells why a replica is not complete that is %s', (_, view, reason) => {
    const expected = { database: '/a.db', replica: 's3', complete: false, missing, reason };
    expect(drainOf('/a.db', 's3', view, undefined)).toEqual(expected);
  });

  it('has nothing to explain where a replica holds everything', () => {
    const report = drainOf('/a.db', 's3', { ...behind, complete: true }, undefined);
    expect(report).toMatchObject({ complete: true, reason: undefined });
  });

  it('counts no replica as complete where the last commits were not captured', () => {
    const uncaptured = new StationError('CAPTURE_FAILED', 'the disk is full');
    const report = drainOf('/a.db', 's3', { ...failing, complete: true }, uncaptured);
    expect(report).toMatchObject({ complete: false, reason: 'the disk is full' });
  });
});

describe('a sync that was asked for', () => {
  it('is complete where the replica has come as far as was asked, or further', () => {
    expect(syncedUpTo(txid(5), 's3', behind)).toEqual({ replica: 's3', txid: 5, complete: true, reason: undefined });
    expect(syncedUpTo(txid(4), 's3', behind).complete).toBe(true);
  });

  it('tells how far a replica has come that is not there, and why', () => {
    expect(syncedUpTo(txid(6), 's3', failing)).toEqual({ replica: 's3', txid: 5, complete: false, reason: 'denied' });
  });

  it('is not complete where nothing more is sent, however far that had come', () => {
    expect(syncedUpTo(txid(5), 's3', stopped)).toMatchObject({ txid: 5, complete: false, reason: 'it is ahead' });
  });
});

describe('the state of a replica', () => {
  const past: ReplicaPast = { lastSyncAt: milliseconds(50), lastError: { at: milliseconds(40), error: denied } };

  it('keeps the last error apart from what is wrong now', () => {
    expect(stateOf('s3', behind, past)).toEqual({
      replica: 's3',
      status: 'following',
      txid: 5,
      missing: { files: 2, bytes: 200, since: 60 },
      lastSyncAt: 50,
      failing: undefined,
      lastError: { at: 40, error: denied },
    });
  });

  it.each([
    ['whose requests fail', failing, denied],
    ['that nothing is sent to any more', stopped, ahead],
    ['that was stopped while its requests failed', { ...stopped, health: failing.health }, ahead],
  ])('says what is wrong with one %s', (_, view, error) => {
    expect(stateOf('s3', view, past).failing).toBe(error);
  });
});
