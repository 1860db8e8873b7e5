import { expect, test } from 'vitest';
import { StationError } from '../../src/errors.ts';
import { exitStatus, type RunOutcome } from '../../src/supervisor/exit-status.ts';

const complete = { drain: 'complete', failure: undefined } as const;
const incomplete = { drain: 'incomplete', failure: undefined } as const;
const notNeeded = { drain: 'not-needed', failure: undefined } as const;
const notStarted = (code: ConstructorParameters<typeof StationError>[0]) =>
  ({ kind: 'not-started', error: new StationError(code, 'the start failed') }) as const;

test.each<[string, number, RunOutcome]>([
  ['the child’s own', 0, { end: { kind: 'exited', code: 0 }, ...complete }],
  ['the child’s own, an error', 1, { end: { kind: 'exited', code: 1 }, ...complete }],
  ['the child’s own, though it looks like a signal', 143, { end: { kind: 'exited', code: 143 }, ...complete }],
  ['the child’s own, though it looks like ours', 75, { end: { kind: 'exited', code: 75 }, ...complete }],
  ['128 + n: SIGTERM', 143, { end: { kind: 'signalled', signal: 'SIGTERM' }, ...complete }],
  ['128 + n: SIGKILL', 137, { end: { kind: 'signalled', signal: 'SIGKILL' }, ...complete }],
  ['128 + n: SIGINT', 130, { end: { kind: 'signalled', signal: 'SIGINT' }, ...complete }],
  [
    '128 + n: stopped before there was a child',
    143,
    { end: { kind: 'stopped-before-start', signal: 'SIGTERM' }, ...notNeeded },
  ],
  ['0: replication alone, stopped', 0, { end: { kind: 'replication-stopped' }, ...complete }],
  ['78: wrong configuration', 78, { end: notStarted('CONFIG_VALUE'), ...notNeeded }],
  ['69: no replica could be reached', 69, { end: notStarted('RESTORE_UNREACHABLE'), ...notNeeded }],
  ['69: no sound copy', 69, { end: notStarted('RESTORE_NO_SOUND_COPY'), ...notNeeded }],
  ['75 wins over the child’s own', 75, { end: { kind: 'exited', code: 3 }, ...incomplete }],
  ['75 wins over a signal', 75, { end: { kind: 'signalled', signal: 'SIGTERM' }, ...incomplete }],
  [
    '75 wins over 127: commits of an earlier life are at stake',
    75,
    { end: notStarted('COMMAND_NOT_FOUND'), ...incomplete },
  ],
  ['75: replication alone', 75, { end: { kind: 'replication-stopped' }, ...incomplete }],
  [
    '76 wins over 75: another writer has the replica',
    76,
    { end: { kind: 'exited', code: 0 }, drain: 'incomplete', failure: new StationError('FENCED', 'fenced') },
  ],
  ['76: fenced before the start', 76, { end: notStarted('FENCED'), ...notNeeded }],
  ['126', 126, { end: notStarted('COMMAND_NOT_EXECUTABLE'), ...complete }],
  ['127', 127, { end: notStarted('COMMAND_NOT_FOUND'), ...complete }],
  [
    '70: a bug here',
    70,
    { end: { kind: 'exited', code: 0 }, drain: 'complete', failure: new StationError('INTERNAL', 'a bug') },
  ],
])('%s → %i', (_, status, outcome) => {
  expect(exitStatus(outcome)).toBe(status);
});
