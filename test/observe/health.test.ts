import { describe, expect, test } from 'vitest';
import { answerHealth } from '../../src/observe/health.ts';
import type { LifeView } from '../../src/supervisor/life-view.ts';

const ready = { kind: 'ready' } as const;
const notReady = (reason: string) => ({ kind: 'not-ready', reason }) as const;
const serving: LifeView = {
  phase: 'running',
  readiness: ready,
  startup: ready,
  restarts: 0,
  stop: undefined,
  handedTo: undefined,
};
const restoring: LifeView = {
  ...serving,
  phase: 'restoring',
  readiness: notReady('restoring'),
  startup: notReady('restoring'),
};
const stopping: LifeView = { ...serving, phase: 'stopping', readiness: notReady('SIGTERM received') };

const ok = (phase: string) => ({ status: 200, body: { status: 'ok', phase } });
const unavailable = (phase: string, reason: string) => ({
  status: 503,
  body: { status: 'unavailable', phase, reason },
});

describe('health', () => {
  test.each([
    [
      'before anything',
      undefined,
      ok('starting'),
      unavailable('starting', 'starting'),
      unavailable('starting', 'starting'),
    ],
    [
      'while it restores',
      restoring,
      ok('restoring'),
      unavailable('restoring', 'restoring'),
      unavailable('restoring', 'restoring'),
    ],
    ['while it serves', serving, ok('running'), ok('running'), ok('running')],
    ['when it was told to stop', stopping, ok('stopping'), ok('stopping'), unavailable('stopping', 'SIGTERM received')],
  ] as const)('%s', (_, life, livez, startupz, readyz) => {
    expect(answerHealth('GET', '/livez', { life, holder: undefined })).toEqual(livez);
    expect(answerHealth('GET', '/startupz?verbose', { life, holder: undefined })).toEqual(startupz);
    expect(answerHealth('HEAD', '/readyz', { life, holder: undefined })).toEqual(readyz);
  });

  test('while it waits for the lease, it says for whose', () => {
    const waiting = { life: restoring, holder: 'old:1' };
    const reason = 'waiting for the lease, which old:1 holds';
    expect(answerHealth('GET', '/readyz', waiting)).toEqual(unavailable('restoring', reason));
    expect(answerHealth('GET', '/startupz', waiting)).toEqual(unavailable('restoring', reason));
    expect(answerHealth('GET', '/livez', waiting)).toEqual(ok('restoring'));
  });

  test.each(['/', '/metrics', '/readyz/', '//readyz', '/constructor', 'http://host/readyz', ''])(
    'there is no %j',
    (path) => {
      expect(answerHealth('GET', path, { life: serving, holder: undefined }).status).toBe(404);
    },
  );

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is no question', (method) => {
    expect(answerHealth(method, '/readyz', { life: serving, holder: undefined }).status).toBe(405);
  });
});
