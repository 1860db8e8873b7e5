import { describe, expect, it } from 'vitest';
import { milliseconds, txid } from '../../../src/quantities.ts';
import { type RemotePosition, reconcile } from '../../../src/replication/replica/reconcile.ts';
import { type LocalPosition, noPosition } from '../../../src/replication/staging/position-file.ts';
import { decideStart } from '../../../src/replication/start/decide-start.ts';

const local: LocalPosition = {
  ...noPosition,
  txid: txid(10),
  timestamp: milliseconds(1_000),
  pageSize: 4096,
  commit: 3,
  fileChecksums: ['c10'],
};
const content = { position: local, level0: [] };
const remote = (at: number, timestamp: number, checksum = `c${at}`): RemotePosition => ({
  txid: txid(at),
  listedTxid: txid(at),
  timestamp: milliseconds(timestamp),
  fileChecksums: [checksum],
});
const remotes = (...list: readonly (RemotePosition | undefined)[]) =>
  new Map(list.map((one, index) => [`replica-${index + 1}`, one] as const));

describe('a database that is here', () => {
  it('is gone on with where every replica is at or behind it', () => {
    expect(decideStart(content, remotes(remote(10, 1_000), remote(4, 400)), 'stop')).toEqual({ kind: 'go-on' });
  });

  it('is gone on with where no replica answers: uploads wait', () => {
    expect(decideStart(content, remotes(undefined), 'stop')).toEqual({ kind: 'go-on' });
  });

  it('stops the start where a replica is ahead, which is named', () => {
    const decision = decideStart(content, remotes(remote(10, 1_000), remote(12, 1_200)), 'stop');
    expect(decision).toMatchObject({ kind: 'stop', why: expect.stringContaining('replica-2') });
  });

  it('gives way to the replica where that is asked for', () => {
    expect(decideStart(content, remotes(remote(12, 1_200)), 'use-replica').kind).toBe('use-replica');
  });

  it('is kept, where that is asked for, above and later than all that the replicas hold', () => {
    const decision = decideStart(content, remotes(remote(12, 1_200), remote(9, 5_000, 'other')), 'keep-local');
    expect(decision).toMatchObject({ kind: 'keep-local', above: { txid: 12, timestamp: 5_000 } });
  });

  it('stops the start where an old backup holds later writes, and is kept later than that where it is asked for', () => {
    const backups = { ahead: ['replica old is ahead: it holds …'], latest: milliseconds(7_000) };
    const held = remotes(remote(10, 1_000));
    expect(decideStart(content, held, 'stop', backups)).toMatchObject({ kind: 'stop', why: backups.ahead[0] });
    expect(decideStart(content, held, 'keep-local', backups)).toMatchObject({ above: { txid: 10, timestamp: 7_000 } });
    expect(decideStart(content, held, 'stop', { ...backups, ahead: [] })).toEqual({ kind: 'go-on' });
  });

  it('of which nothing is known, once kept, is not taken for behind the replica it was to go on above', () => {
    const decision = decideStart({ position: noPosition, level0: [] }, remotes(remote(12, 1_200)), 'keep-local');
    if (decision.kind !== 'keep-local') throw new Error(decision.kind);
    const kept: LocalPosition = { ...noPosition, ...decision.above };
    expect(reconcile(kept, remote(12, 1_200), new Map())).toMatchObject({ kind: 'snapshot', above: 12 });
  });

  it('goes on from the file it was restored from, though commits have followed', () => {
    const later: LocalPosition = { ...local, txid: txid(11), landmarks: [{ txid: txid(10), fileChecksum: 'c10' }] };
    const staged = new Map([[txid(11), 'c11']]);
    expect(reconcile(later, remote(10, 1_000), staged)).toEqual({ kind: 'append', after: 10 });
  });
});
