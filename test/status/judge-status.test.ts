import { describe, expect, it } from 'vitest';
import type { ToldState } from '../../src/control/ask-sync.ts';
import { StationError } from '../../src/errors.ts';
import { bytes, milliseconds, txid } from '../../src/quantities.ts';
import type { LtxPosition, ReplicaAnswer } from '../../src/restore/answer.ts';
import { exitStatusOf, judgeReplica } from '../../src/status/judge-status.ts';
import type { LocalStatus } from '../../src/status/local-status.ts';

const now = milliseconds(1_000_000);
const ago = (seconds: number) => milliseconds(now - seconds * 1000);

function holds(at: number, change: Partial<LtxPosition> = {}): ReplicaAnswer {
  const facts = { timestamp: ago(50), pageSize: 4096, commit: 2, level: 0, fileChecksum: 10n, unreachable: undefined };
  return { kind: 'holds', replica: 'a', position: { txid: txid(at), ...facts, ...change } };
}

const staged = (at: number, seconds: number) => ({
  level: 0 as const,
  path: '',
  minTxid: txid(at),
  maxTxid: txid(at),
  size: bytes(100),
  timestamp: ago(seconds),
  fileChecksum: '',
});

function local(change: Partial<LocalStatus> = {}): LocalStatus {
  return {
    isThere: true,
    walSize: undefined,
    writtenAt: ago(5),
    position: { txid: txid(8), timestamp: ago(20), fileChecksums: ['000000000000000a'] },
    staged: [staged(7, 40), staged(8, 20)],
    uncaptured: 'none',
    process: { kind: 'none' },
    ...change,
  };
}

const process = (failing = false): Pick<LocalStatus, 'process'> => {
  const error = failing ? { code: 'STORAGE_DENIED', message: 'no', hint: '' } : null;
  const missing = { files: 0, bytes: 0, since: null };
  const about = { status: 'following' as const, txid: 6, missing, last_sync_at: null, last_error: null };
  const state: ToldState = { txid: 8, timestamp: 0, replicas: [{ replica: 'a', ...about, failing: error }] };
  return { process: { kind: 'answers', state } };
};

const judge = (answer: ReplicaAnswer, place: LocalStatus | undefined = local(), syncInterval = 10_000) =>
  judgeReplica({ replica: 'a', answer, local: place, syncInterval: milliseconds(syncInterval), now });

describe('a replica', () => {
  it('is in sync where it ends with the file that ends here', () => {
    expect(judge(holds(8))).toEqual({ standing: 'in-sync', lag: { txids: 0, bytes: 0, duration: 0 } });
    expect(judge(holds(8, { fileChecksum: 11n })).standing).toBe('parted');
    expect(judge(holds(8, { fileChecksum: 11n, level: 1 })).standing).toBe('in-sync');
    expect(judge(holds(9)).standing).toBe('ahead');
  });

  it('is behind by the files it lacks, since the oldest of them', () => {
    expect(judge(holds(6))).toEqual({ standing: 'behind', lag: { txids: 2, bytes: 200, duration: 40_000 } });
    expect(judge(holds(8), local({ uncaptured: 'some' }))).toMatchObject({
      standing: 'behind',
      lag: { duration: 5_000 },
    });
    expect(judge({ kind: 'empty', replica: 'a' })).toMatchObject({ standing: 'empty', lag: { txids: 8 } });
  });

  it('is only late while a process brings the rest, within its interval and a bit', () => {
    expect(judge(holds(6), local(process())).standing).toBe('late');
    expect(judge(holds(6), local(process()), 1_000).standing).toBe('behind');
    expect(judge(holds(6), local(process(true))).standing).toBe('failing');
    // It came through between the question to the process and that to the replica.
    expect(judge(holds(8), local(process(true))).standing).toBe('in-sync');
    // What it holds was read after what the process told.
    expect(judge(holds(9), local(process())).standing).toBe('in-sync');
  });

  it('is late where a process without a socket may bring the rest, and behind where one listens and is silent', () => {
    const silent = (error: StationError | undefined) =>
      local({ uncaptured: 'some', process: { kind: 'silent', error } });
    expect(judge(holds(8), silent(undefined)).standing).toBe('late');
    expect(judge(holds(8), silent(new StationError('CAPTURE_FAILED', 'no answer'))).standing).toBe('behind');
    // What it holds was read later than where the process stands.
    expect(judge(holds(9), silent(undefined)).standing).toBe('in-sync');
  });

  it('has nothing to be held against where there is no database', () => {
    expect(judge(holds(8), local({ isThere: false })).standing).toBe('restorable');
    expect(judge({ kind: 'empty', replica: 'a' }, local({ isThere: false })).standing).toBe('nothing-yet');
    const failed: ReplicaAnswer = { kind: 'failed', replica: 'a', error: new StationError('STORAGE_DENIED', 'no') };
    expect(judge(failed, local({ isThere: false })).standing).toBe('unreachable');
  });
});

it('the exit status is that of the worst', () => {
  expect(exitStatusOf([])).toBe(0);
  expect(exitStatusOf(['in-sync', 'late', 'restorable', 'nothing-yet'])).toBe(0);
  expect(exitStatusOf(['in-sync', 'behind'])).toBe(75);
  expect(exitStatusOf(['failing', 'unreachable'])).toBe(69);
});
