import { describe, expect, it } from 'vitest';
import { milliseconds, type Txid, txid } from '../../../src/quantities.ts';
import { type RemotePosition, reconcile } from '../../../src/replication/replica/reconcile.ts';
import { type LocalPosition, noPosition } from '../../../src/replication/staging/position-file.ts';

const local: LocalPosition = {
  ...noPosition,
  txid: txid(10),
  timestamp: milliseconds(1_000),
  pageSize: 4096,
  commit: 3,
  fileChecksums: ['c10'],
};

function remote(at: number, change: Partial<RemotePosition> = {}): RemotePosition {
  return {
    txid: txid(at),
    listedTxid: txid(at),
    timestamp: milliseconds(at * 100),
    fileChecksums: at === 0 ? [] : [`c${at}`],
    ...change,
  };
}

function staged(from: number, to: number): ReadonlyMap<Txid, string> {
  const files = new Map<Txid, string>();
  for (let number = from; number <= to; number += 1) files.set(txid(number), `c${number}`);
  return files;
}

describe('how replication to a replica goes on', () => {
  it('appends to a replica that ends where this database ends', () => {
    expect(reconcile(local, remote(10), staged(10, 10))).toEqual({ kind: 'append', after: 10 });
  });

  it('sends what is staged to a replica that is behind', () => {
    expect(reconcile(local, remote(7), staged(7, 10))).toEqual({ kind: 'append', after: 7 });
  });

  it('sends everything from the first file to an empty replica while all of it is staged', () => {
    expect(reconcile({ ...local, txid: txid(3) }, remote(0), staged(1, 3))).toEqual({ kind: 'append', after: 0 });
  });

  it('starts an empty replica of a database with nothing captured yet', () => {
    expect(reconcile(noPosition, remote(0), staged(1, 0))).toEqual({ kind: 'append', after: 0 });
  });

  it('sends a snapshot to an empty replica once the first files are gone', () => {
    expect(reconcile(local, remote(0), staged(8, 10)).kind).toBe('snapshot');
  });

  it('sends a snapshot where the cap has dropped files in between', () => {
    expect(reconcile(local, remote(5), new Map([...staged(5, 5), ...staged(8, 10)])).kind).toBe('snapshot');
  });

  it('sends a snapshot where the last file there is not known here', () => {
    expect(reconcile(local, remote(7), staged(9, 10)).kind).toBe('snapshot');
  });

  it('sends a snapshot above a parted history that ended earlier', () => {
    const parted = remote(10, { fileChecksums: ['other'], timestamp: milliseconds(900) });
    expect(reconcile(local, parted, staged(10, 10))).toMatchObject({ kind: 'snapshot', above: 10 });
  });

  it('sends a snapshot above files that are missing or damaged', () => {
    expect(reconcile(local, remote(8, { listedTxid: txid(9) }), staged(8, 10)).kind).toBe('snapshot');
  });

  it('leaves a replica alone that is ahead by TXID', () => {
    expect(reconcile(local, remote(11), staged(10, 10)).kind).toBe('ahead');
  });

  it('leaves a replica alone that another writer has continued under the same TXIDs', () => {
    const parted = remote(10, { fileChecksums: ['other'], timestamp: milliseconds(2_000) });
    expect(reconcile(local, parted, staged(10, 10)).kind).toBe('ahead');
  });

  it('leaves any replica with content alone when nothing is known of this database', () => {
    expect(reconcile(noPosition, remote(1), staged(1, 0)).kind).toBe('ahead');
  });
});
