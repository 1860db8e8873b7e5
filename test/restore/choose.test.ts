import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StationError } from '../../src/errors.ts';
import { milliseconds, txid } from '../../src/quantities.ts';
import type { ReplicaAnswer } from '../../src/restore/answer.ts';
import { chooseReplica, describeParted, type RestorePolicy } from '../../src/restore/choose.ts';

const anyone: RestorePolicy = { quorum: 'any', from: undefined };
const everyone: RestorePolicy = { quorum: 'all', from: undefined };

function holds(replica: string, newest: number, seconds: number, fileChecksum = 1n): ReplicaAnswer {
  return {
    kind: 'holds',
    replica,
    position: {
      txid: txid(newest),
      timestamp: milliseconds(seconds * 1000),
      pageSize: 4096,
      commit: 10,
      level: 0,
      fileChecksum,
      unreachable: undefined,
    },
  };
}

const empty = (replica: string): ReplicaAnswer => ({ kind: 'empty', replica });
const silent = (replica: string): ReplicaAnswer => ({ kind: 'no-answer', replica, waited: milliseconds(30_000) });
const denied = (replica: string): ReplicaAnswer => ({
  kind: 'failed',
  replica,
  error: new StationError('STORAGE_DENIED', 'AccessDenied: Access Denied'),
});
const noBucket = (replica: string): ReplicaAnswer => ({
  kind: 'failed',
  replica,
  error: new StationError('STORAGE_NOT_FOUND', 'NoSuchBucket: The specified bucket does not exist'),
});
const damaged = (replica: string): ReplicaAnswer => ({
  kind: 'unsound',
  replica,
  newestListed: txid(9),
  error: new StationError('RESTORE_NO_SOUND_COPY', 'all is damaged'),
});

function chosen(answers: readonly ReplicaAnswer[], policy = anyone) {
  const choice = chooseReplica(answers, policy);
  if (choice.kind !== 'restore') throw new Error(`not a restore: ${choice.kind} ${JSON.stringify(choice.reasons)}`);
  return choice;
}

function stopped(answers: readonly ReplicaAnswer[], policy = anyone) {
  const choice = chooseReplica(answers, policy);
  if (choice.kind !== 'stop') throw new Error(`not a stop: ${choice.kind}`);
  return choice.error;
}

describe('the newest replica', () => {
  test('is the one captured latest', () => {
    const choice = chosen([holds('disk', 5, 100), holds('s3', 7, 200), empty('gcs')]);
    expect(choice.replica).toBe('s3');
    expect(choice.ranking).toEqual(['s3', 'disk']);
    expect(choice.parted).toEqual([]);
    expect(choice.warnings).toEqual([]);
  });

  test('is, of two captured at the same time, the one with the higher TXID, then the one configured first', () => {
    expect(chosen([holds('a', 5, 100), holds('b', 6, 100)]).replica).toBe('b');
    expect(chosen([holds('a', 6, 100), holds('b', 6, 100)]).replica).toBe('a');
  });

  test('is the later one even where its TXID is lower, and then the parting is told with names, TXIDs and times', () => {
    const choice = chosen([holds('old', 90, 100), holds('new', 12, 200)]);
    expect(choice.replica).toBe('new');
    const [parted] = choice.parted;
    if (parted === undefined) throw new Error('not parted');
    expect(describeParted(parted)).toBe(
      'histories have parted: new (TXID 000000000000000c, 1970-01-01T00:03:20.000Z) is the later, yet not a continuation of old (TXID 000000000000005a, 1970-01-01T00:01:40.000Z); run --restore-from NAME, or restore -replica NAME, decides otherwise',
    );
  });

  test('parts from one that holds another file under the same TXID', () => {
    expect(chosen([holds('a', 5, 100, 1n), holds('b', 5, 101, 2n)]).parted).toHaveLength(1);
    expect(chosen([holds('a', 5, 100, 1n), holds('b', 5, 100, 1n)]).parted).toHaveLength(0);
  });

  test('is passed over where another is asked for by name', () => {
    const choice = chosen([holds('old', 90, 100), holds('new', 12, 200)], { quorum: 'any', from: 'old' });
    expect(choice.replica).toBe('old');
    expect(choice.parted).toHaveLength(1);
  });
});

describe('why it was chosen', () => {
  const whyOf = (...said: readonly ReplicaAnswer[]) => chosen(said).why;

  test('is told in words', () => {
    expect(whyOf(holds('a', 5, 100), holds('b', 7, 112.5), silent('c'))).toBe('captured latest: 12.5 s after a');
    expect(whyOf(holds('a', 5, 100), holds('b', 7, 100))).toBe('captured at the same time as a, with the higher TXID');
    expect(whyOf(holds('a', 5, 100), holds('b', 5, 100))).toBe('level with b, and the first of them in the config');
    expect(whyOf(empty('a'), holds('b', 5, 100), denied('c'))).toBe('the only one that holds the database');
    expect(whyOf(holds('a', 5, 100))).toBe('the only replica');
    expect(chosen([holds('a', 5, 100), holds('b', 7, 200)], { quorum: 'any', from: 'a' }).why).toBe(
      'asked for by name',
    );
  });

  test('stands beside what each replica holds, and how far it is behind', () => {
    const choice = chosen([holds('a', 5, 100), holds('b', 7, 112.5), empty('c'), silent('d')]);
    expect(choice.reasons).toEqual([
      'a: TXID 0000000000000005 of 1970-01-01T00:01:40.000Z, 10 pages of 4096 bytes, 12.5 s behind',
      'b: TXID 0000000000000007 of 1970-01-01T00:01:52.500Z, 10 pages of 4096 bytes',
      'c: empty',
      'd: no answer within 30 s',
      'chosen: b, captured latest: 12.5 s after a',
    ]);
    // For the log; the one without an answer is among the warnings.
    expect(choice.passedOver).toEqual([
      'passing over a: TXID 0000000000000005 of 1970-01-01T00:01:40.000Z, 10 pages of 4096 bytes, 12.5 s behind',
      'passing over c: empty',
    ]);
  });
});

describe('cannot reach is not empty', () => {
  test('an empty start needs an answer from every replica', () => {
    expect(chooseReplica([empty('a'), empty('b')], anyone).kind).toBe('empty');
    expect(chooseReplica([], anyone).kind).toBe('empty');
    for (const absent of [silent('b'), denied('b'), noBucket('b')]) {
      const error = stopped([empty('a'), absent]);
      expect(error.code).toBe('RESTORE_UNREACHABLE');
      expect(error.exitStatus).toBe(69);
    }
    expect(stopped([empty('a'), denied('b')]).message).toContain('b: AccessDenied: Access Denied');
  });

  test('what does not answer is passed over, loudly, where another holds the database', () => {
    const choice = chosen([denied('a'), holds('b', 5, 100), silent('c')]);
    expect(choice.replica).toBe('b');
    expect(choice.warnings).toEqual([
      'restoring without a: AccessDenied: Access Denied',
      'restoring without c: no answer within 30 s',
    ]);
  });

  test('with the quorum "all", every replica must answer', () => {
    expect(stopped([denied('a'), holds('b', 5, 100)], everyone).code).toBe('RESTORE_UNREACHABLE');
    expect(chosen([empty('a'), holds('b', 5, 100)], everyone).replica).toBe('b');
  });

  test('a replica full of damage is not empty either', () => {
    expect(stopped([damaged('a'), empty('b')]).code).toBe('RESTORE_NO_SOUND_COPY');
    expect(chosen([damaged('a'), holds('b', 5, 100)]).warnings).toEqual([
      'restoring without a: nothing to restore: all is damaged',
    ]);
  });
});

describe('a replica asked for by name', () => {
  const from = (name: string): RestorePolicy => ({ quorum: 'any', from: name });

  test('must exist, answer, and hold the database', () => {
    expect(stopped([holds('a', 5, 100)], from('x')).code).toBe('USAGE');
    expect(stopped([holds('a', 5, 100), silent('b')], from('b')).code).toBe('RESTORE_UNREACHABLE');
    expect(stopped([holds('a', 5, 100), empty('b')], from('b')).code).toBe('RESTORE_NOT_AVAILABLE');
    expect(stopped([holds('a', 5, 100), damaged('b')], from('b')).code).toBe('RESTORE_NO_SOUND_COPY');
  });

  test('may be empty where all are', () => {
    expect(chooseReplica([empty('a'), empty('b')], from('b')).kind).toBe('empty');
  });
});

test('a refused TXID is told apart from damage', () => {
  const lacking: ReplicaAnswer = {
    kind: 'unsound',
    replica: 'a',
    newestListed: txid(9),
    error: new StationError('RESTORE_NOT_AVAILABLE', 'a does not hold TXID 15'),
  };
  expect(stopped([lacking, empty('b')]).code).toBe('RESTORE_NOT_AVAILABLE');
});

const answer = (replica: string): fc.Arbitrary<ReplicaAnswer> =>
  fc.oneof(
    fc.constant(empty(replica)),
    fc.constant(silent(replica)),
    fc.constant(denied(replica)),
    fc.constant(damaged(replica)),
    fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
      .map(([n, time]) => holds(replica, n, time)),
  );
const answers = fc.tuple(answer('a'), answer('b'), answer('c'));

describe('whatever the replicas say', () => {
  test('an empty start is chosen exactly when all are empty', () => {
    fc.assert(
      fc.property(answers, fc.constantFrom(anyone, everyone), (said, policy) => {
        const isEmpty = chooseReplica(said, policy).kind === 'empty';
        expect(isEmpty).toBe(said.every((one) => one.kind === 'empty'));
      }),
    );
  });

  test('nothing that answered is newer than what is chosen, and a stop means there was nothing to choose', () => {
    fc.assert(
      fc.property(answers, (said) => {
        const holders = said.filter((one) => one.kind === 'holds');
        const choice = chooseReplica(said, anyone);
        expect(choice.kind === 'restore').toBe(holders.length > 0);
        if (choice.kind !== 'restore') return;
        const { position: chosen } = choice;
        for (const { position } of holders) {
          expect(position.timestamp).toBeLessThanOrEqual(chosen.timestamp);
          if (position.timestamp !== chosen.timestamp || position.format !== undefined) continue;
          expect(chosen.format).toBeUndefined();
          if (chosen.format === undefined) expect(position.txid).toBeLessThanOrEqual(chosen.txid);
        }
      }),
    );
  });

  test('each replica is accounted for in the reasons', () => {
    fc.assert(
      fc.property(answers, (said) => {
        const { reasons } = chooseReplica(said, anyone);
        for (const { replica } of said) expect(reasons.some((line) => line.startsWith(`${replica}: `))).toBe(true);
      }),
    );
  });
});
