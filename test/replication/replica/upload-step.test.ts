import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StationError } from '../../../src/errors.ts';
import { bytes, milliseconds, txid } from '../../../src/quantities.ts';
import type { RemotePosition } from '../../../src/replication/replica/reconcile.ts';
import type { ReplicaHealth, ReplicaStatus } from '../../../src/replication/replica/replica-status.ts';
import { nextUploadStep } from '../../../src/replication/replica/upload-step.ts';
import { noPosition } from '../../../src/replication/staging/position-file.ts';
import type { StagedFile } from '../../../src/replication/staging/staged-files.ts';

const answering: ReplicaHealth = { kind: 'answering' };
const failing: ReplicaHealth = {
  kind: 'failing',
  since: milliseconds(0),
  failures: 1,
  error: new StationError('STORAGE_UNREACHABLE', 'it is down'),
};

const file = (from: number, to: number, level: 0 | 9 = 0): StagedFile => ({
  level,
  path: `/staging/${level}/${from}-${to}`,
  minTxid: txid(from),
  maxTxid: txid(to),
  size: bytes(10),
  timestamp: milliseconds(to),
  fileChecksum: `ours ${to}`,
});

/** A staging folder at a TXID, with the level-0 files of these TXIDs, and a snapshot that ends at that one. */
function staged(at: number, level0: readonly number[], snapshot?: number) {
  return {
    position: { ...noPosition, txid: txid(at), timestamp: milliseconds(at), fileChecksums: [`ours ${at}`] },
    level0: level0.map((number) => file(number, number)),
    snapshot: snapshot === undefined ? undefined : file(1, snapshot, 9),
  };
}

const following = (position: number): ReplicaStatus => ({ kind: 'following', position: txid(position) });
const wanting = (above: number): ReplicaStatus => ({ kind: 'needs-snapshot', why: 'it is empty', above: txid(above) });
const holds = (at: number, change: Partial<RemotePosition> = {}): ReplicaStatus => ({
  kind: 'known',
  remote: {
    txid: txid(at),
    listedTxid: txid(at),
    timestamp: milliseconds(at),
    fileChecksums: [`ours ${at}`],
    ...change,
  },
});

describe('the next step of an uploader', () => {
  it('is to ask, as long as nothing is known', () => {
    expect(nextUploadStep({ kind: 'unknown' }, answering, staged(3, [1, 2, 3]))).toEqual({ kind: 'ask' });
  });

  it('is to send the file that follows, and then to wait', () => {
    expect(nextUploadStep(following(1), answering, staged(3, [1, 2, 3]))).toEqual({ kind: 'send', file: file(2, 2) });
    expect(nextUploadStep(following(3), answering, staged(3, [1, 2, 3]))).toEqual({ kind: 'idle' });
  });

  it('is a snapshot where the file that follows was dropped', () => {
    const to = { kind: 'needs-snapshot', above: 1, why: 'files it lacks are no longer staged' };
    expect(nextUploadStep(following(1), answering, staged(3, [1, 3]))).toEqual({ kind: 'turn', to });
  });

  it('is to want a snapshot while none is staged that ends high enough', () => {
    const wanted = { kind: 'want-snapshot', why: 'it is empty', above: 2 };
    expect(nextUploadStep(wanting(2), answering, staged(3, [3], 2))).toEqual(wanted);
    expect(nextUploadStep(wanting(2), answering, staged(3, [3], 3))).toEqual({ kind: 'send', file: file(1, 3, 9) });
  });

  it('is to ask again, and to want nothing, while a replica does not answer', () => {
    expect(nextUploadStep(wanting(2), failing, staged(3, [3]))).toEqual({ kind: 'turn', to: { kind: 'unknown' } });
  });

  it('is to leave a replica that is ahead, and to be fenced where another instance has written that', () => {
    expect(nextUploadStep(holds(4), answering, staged(3, [3]))).toMatchObject({ kind: 'stop', how: 'leave' });
    const anothers = holds(4, { isAnothers: true });
    expect(nextUploadStep(anothers, answering, staged(3, [3]))).toMatchObject({ kind: 'stop', how: 'fence' });
  });

  it('is none after it was stopped', () => {
    const stopped: ReplicaStatus = { kind: 'stopped', error: new StationError('LEASE_LOST', 'lost') };
    expect(nextUploadStep(stopped, answering, staged(3, [1, 2, 3]))).toEqual({ kind: 'idle' });
  });
});

describe('an uploader that is answered', () => {
  const site = fc.record({
    at: fc.integer({ min: 0, max: 7 }),
    isKept: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
    snapshot: fc.option(fc.integer({ min: 1, max: 7 }), { nil: undefined }),
    held: fc.integer({ min: 0, max: 8 }),
    listedBeyond: fc.integer({ min: 0, max: 2 }),
    isOurs: fc.boolean(),
  });

  it('brings any replica to the staged position, above all that it holds and without a gap, or leaves it alone', () => {
    const ends = new Set<string>();
    fc.assert(
      fc.property(site, ({ at, isKept, snapshot, held, listedBeyond, isOurs }) => {
        const kept = isKept.flatMap((isHere, index) => (isHere && index < at ? [index + 1] : []));
        let staging = staged(at, kept, snapshot !== undefined && snapshot <= at ? snapshot : undefined);
        const listed = held + listedBeyond;
        const fileChecksums = held === 0 ? [] : [isOurs ? `ours ${held}` : 'theirs'];
        let status = holds(held, { listedTxid: txid(listed), fileChecksums });
        for (let steps = 0; ; steps += 1) {
          expect(steps).toBeLessThan(20);
          const step = nextUploadStep(status, answering, staging);
          if (step.kind === 'stop' || step.kind === 'idle') {
            ends.add(step.kind);
            if (step.kind === 'idle') expect(status).toEqual(following(staging.position.txid));
            return;
          }
          if (step.kind === 'follow') status = following(step.position);
          else if (step.kind === 'turn') status = step.to;
          else if (step.kind === 'want-snapshot') {
            // Where the database is at no higher TXID, it goes on at one.
            const end = Math.max(staging.position.txid, step.above + 1);
            staging = { ...staging, ...staged(end, kept, end) };
          } else if (step.kind === 'send') {
            ends.add(step.file.level === 9 ? 'snapshot' : 'file');
            if (status.kind === 'following') expect(step.file.minTxid).toBe(status.position + 1);
            else expect(step.file.minTxid).toBe(1);
            expect(step.file.maxTxid).toBeGreaterThan(listed);
            status = following(step.file.maxTxid);
          } else expect.unreachable(step.kind);
        }
      }),
      { numRuns: 2_000 },
    );
    expect([...ends].sort()).toEqual(['file', 'idle', 'snapshot', 'stop']);
  });
});
