import { expect, test } from 'vitest';
import { StationError } from '../../src/errors.ts';
import type { Life } from '../../src/supervisor/life.ts';
import { isSameView, viewLife } from '../../src/supervisor/life-view.ts';
import { beginLife } from '../../src/supervisor/lifecycle.ts';

const begun = beginLife({ hasCommand: true, signalMap: new Map(), restart: { kind: 'never' }, isProbed: true });
const up: Life = { ...begun, phase: 'running', childReady: true, hasBeenReady: true };
const request = { database: '/d', by: 'revision-2' };

test.each<[string, Life, string | undefined, string | undefined]>([
  ['while restoring', begun, 'restoring', 'restoring'],
  [
    'while the command starts',
    { ...begun, phase: 'starting' },
    'the command is being started',
    'the command is being started',
  ],
  ['before the command is up', { ...begun, phase: 'running' }, 'the command is not ready', 'the command is not ready'],
  ['when it is up', up, undefined, undefined],
  ['when it is up no longer', { ...up, childReady: false }, 'the command is not ready', undefined],
  ['from the moment SIGTERM arrives', { ...up, phase: 'stopping', stop: 'SIGTERM' }, 'SIGTERM received', undefined],
  ['while restoring, asked to stop', { ...begun, stop: 'SIGTERM' }, 'SIGTERM received', 'SIGTERM received'],
  ['from the moment another instance asks', { ...up, handover: request }, 'handed over to revision-2', undefined],
  ['once fenced', { ...up, failure: new StationError('FENCED', 'fenced by b') }, 'fenced by b', undefined],
  [
    'in the pause before a restart',
    { ...up, phase: 'restarting', childReady: false },
    'the command failed and is started again soon',
    undefined,
  ],
  ['while draining', { ...up, phase: 'draining', childReady: false }, 'draining', undefined],
])('%s', (_, life, notReady, notStarted) => {
  const view = viewLife(life);
  expect(view.readiness).toEqual(notReady === undefined ? { kind: 'ready' } : { kind: 'not-ready', reason: notReady });
  expect(view.startup).toEqual(
    notStarted === undefined ? { kind: 'ready' } : { kind: 'not-ready', reason: notStarted },
  );
});

test('a change that nobody can see is none', () => {
  expect(isSameView(viewLife(up), viewLife({ ...up, forwarded: ['SIGTERM'] }))).toBe(true);
  expect(isSameView(viewLife(up), viewLife({ ...up, restarts: 1 }))).toBe(false);
  expect(isSameView(viewLife(up), viewLife({ ...up, childReady: false }))).toBe(false);
});
