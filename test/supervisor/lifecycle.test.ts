import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StationError } from '../../src/errors.ts';
import { milliseconds } from '../../src/quantities.ts';
import type { Life, LifeAction, LifeEvent, LifePlan, Phase } from '../../src/supervisor/life.ts';
import { beginLife, step } from '../../src/supervisor/lifecycle.ts';
import { parseSignalMap } from '../../src/supervisor/signal-map.ts';

const error = new StationError('FENCED', 'another writer');
const notReady = new StationError('COMMAND_NOT_READY', 'the command was not ready within 1s');
const request = { database: '/data/station.db', by: 'revision-2' };
const signal = (name: NodeJS.Signals): LifeEvent => ({ type: 'signal', signal: name });
const childEnded = (code: number, ran = 0): LifeEvent => ({
  type: 'child-ended',
  end: { kind: 'exited', code },
  ran: milliseconds(ran),
});

const events: Readonly<Record<string, LifeEvent>> = {
  prepared: { type: 'prepared' },
  'prepare-failed': { type: 'prepare-failed', error },
  'child-started': { type: 'child-started' },
  'child-failed': { type: 'child-failed', error },
  'child-ready': { type: 'child-ready', took: milliseconds(5), again: false },
  'child-unready': { type: 'child-unready', reason: 'no answer' },
  'startup-timeout': { type: 'startup-timeout', error: notReady },
  'child-ended': childEnded(0),
  'child-crashed': childEnded(1),
  'child-crashed-late': childEnded(1, 3_600_000),
  'group-gone': { type: 'group-gone', survivors: 0 },
  'group-survives': { type: 'group-gone', survivors: 1 },
  'restart-due': { type: 'restart-due' },
  drained: { type: 'drained', complete: true },
  closed: { type: 'closed' },
  SIGTERM: signal('SIGTERM'),
  SIGINT: signal('SIGINT'),
  SIGHUP: signal('SIGHUP'),
  'handover-asked': { type: 'handover-asked', request },
  failed: { type: 'failed', error },
  'application-deadline': { type: 'application-deadline' },
  'kill-deadline': { type: 'kill-deadline' },
  'drain-deadline': { type: 'drain-deadline' },
  'close-deadline': { type: 'close-deadline' },
};

const plain: LifePlan = {
  hasCommand: true,
  signalMap: new Map(),
  restart: { kind: 'never' },
  isProbed: false,
};
const restarting: LifePlan = { ...plain, restart: { kind: 'on-failure', most: 2 } };
const probed: LifePlan = { ...plain, isProbed: true };
const alone: LifePlan = { ...plain, hasCommand: false };
const mapped = (text: string): LifePlan => ({ ...plain, signalMap: parseSignalMap(text) });

/** A life after these events, and everything that was to be done on the way, in words. */
function live(plan: LifePlan, names: readonly string[]): { life: Life; actions: readonly string[] } {
  let life = beginLife(plan);
  const actions: string[] = [];
  for (const name of names) {
    const event = events[name];
    if (event === undefined) throw new Error(`no event ${name}`);
    const next = step(life, event);
    life = next.life;
    actions.push(...next.actions.map(inWords));
  }
  return { life, actions };
}

function inWords(action: LifeAction): string {
  switch (action.do) {
    case 'forward':
      return `forward ${action.signal}`;
    case 'clear-group':
      return `clear-group ${action.terminate ?? 'quietly'}`;
    case 'wait-restart':
      return `wait-restart ${action.restart} after ${action.delay}`;
    default:
      return action.do;
  }
}

const crash = ['child-crashed', 'group-gone'];
const running = ['prepared', 'child-started'];

/** The way to each phase, with a command that is started again after a failure. */
const ways: Readonly<Record<Phase, readonly string[]>> = {
  restoring: [],
  starting: ['prepared'],
  running,
  stopping: [...running, 'SIGTERM'],
  clearing: [...running, 'child-ended'],
  restarting: [...running, ...crash],
  draining: [...running, 'child-ended', 'group-gone'],
  closing: [...running, 'child-ended', 'group-gone', 'drained'],
  'handed-over': [...running, 'handover-asked', 'child-ended', 'group-gone', 'drained', 'closed'],
  done: [...running, 'child-ended', 'group-gone', 'drained', 'closed'],
};

type Row = readonly [Phase, ...string[]];

const stopped = (forward: string): Row => ['stopping', 'begin-stop', forward, 'sync-soon'];
const ended = (clear: string): Row => ['clearing', 'begin-stop', 'sync-soon', clear];
const drained: Row = ['draining', 'begin-stop', 'drain'];
const aborted: Row = ['restoring', 'begin-stop', 'abort-prepare'];

/** Phase by event: the next phase and what is to be done. Every pair that is not here changes nothing. */
const table: Readonly<Record<Phase, Readonly<Record<string, Row>>>> = {
  restoring: {
    prepared: ['starting', 'start-child'],
    'prepare-failed': ['closing', 'close'],
    SIGTERM: aborted,
    SIGINT: aborted,
    SIGHUP: aborted,
    'handover-asked': aborted,
    failed: aborted,
    'drain-deadline': ['closing', 'close'],
  },
  starting: {
    'child-started': ['running'],
    'child-failed': drained,
    SIGTERM: ['starting'],
    SIGINT: ['starting'],
    'handover-asked': ['starting'],
    failed: ['starting'],
  },
  running: {
    'child-ready': ['running'],
    'child-unready': ['running'],
    'child-ended': ended('clear-group SIGTERM'),
    'child-crashed': ended('clear-group SIGTERM'),
    'child-crashed-late': ended('clear-group SIGTERM'),
    SIGTERM: stopped('forward SIGTERM'),
    SIGINT: stopped('forward SIGINT'),
    SIGHUP: ['running', 'forward SIGHUP'],
    'handover-asked': stopped('forward SIGTERM'),
    failed: stopped('forward SIGTERM'),
  },
  stopping: {
    'child-ended': ended('clear-group quietly'),
    'child-crashed': ended('clear-group quietly'),
    'child-crashed-late': ended('clear-group quietly'),
    SIGINT: ['stopping', 'forward SIGINT'],
    SIGHUP: ['stopping', 'forward SIGHUP'],
    'handover-asked': ['stopping'],
    failed: ['stopping'],
    'application-deadline': ['stopping', 'kill-group'],
    'kill-deadline': drained,
  },
  clearing: {
    'group-gone': drained,
    'group-survives': drained,
    SIGTERM: ['clearing', 'hurry'],
    SIGINT: ['clearing', 'hurry'],
    'handover-asked': ['clearing'],
    failed: ['clearing'],
  },
  restarting: {
    'restart-due': ['starting', 'start-child'],
    SIGTERM: drained,
    SIGINT: drained,
    'handover-asked': drained,
    failed: drained,
  },
  draining: {
    SIGTERM: ['draining', 'hurry'],
    SIGINT: ['draining', 'hurry'],
    drained: ['closing', 'close'],
    'handover-asked': ['draining'],
    failed: ['draining'],
    'drain-deadline': ['closing', 'close'],
  },
  closing: {
    closed: ['done'],
    SIGTERM: ['closing'],
    SIGINT: ['closing'],
    failed: ['closing'],
    'close-deadline': ['done'],
  },
  'handed-over': { SIGTERM: ['done'], SIGINT: ['done'], SIGHUP: ['done'], failed: ['done'] },
  done: { failed: ['done'] },
};

describe.each(Object.keys(ways) as Phase[])('while %s', (phase) => {
  const before = live(restarting, ways[phase]);

  test('(the way there)', () => expect(before.life.phase).toBe(phase));

  test.each(Object.keys(events))('%s', (name) => {
    const after = live(restarting, [...ways[phase], name]);
    const done = after.actions.slice(before.actions.length);
    const row = table[phase][name];
    if (row === undefined) {
      expect(done).toEqual([]);
      expect(after.life).toEqual(before.life);
    } else {
      expect([after.life.phase, ...done]).toEqual(row);
    }
  });
});

describe('a stop', () => {
  test('while the child is being started reaches it as soon as it is there', () => {
    const { life, actions } = live(plain, ['prepared', 'SIGTERM', 'SIGTERM', 'child-started']);
    expect(life.phase).toBe('stopping');
    expect(actions).toEqual(['start-child', 'begin-stop', 'forward SIGTERM', 'sync-soon']);
  });

  test('during the restore is not undone by a restore that succeeds all the same', () => {
    const { life, actions } = live(plain, ['SIGTERM', 'prepared']);
    expect(actions).toEqual(['begin-stop', 'abort-prepare', 'begin-stop', 'drain']);
    expect(life.end).toEqual({ kind: 'stopped-before-start', signal: 'SIGTERM' });
  });

  test.each(['SIGTERM', 'SIGHUP', 'failed', 'handover-asked'])('without a child drains: %s', (name) => {
    const { life, actions } = live(alone, ['prepared', name]);
    expect(life.phase).toBe('draining');
    expect(actions).toEqual(['begin-stop', 'drain']);
  });
});

describe('the signal map', () => {
  test('rewrites what the child gets, once; the stop stays a stop', () => {
    const { life, actions } = live(mapped('TERM=INT'), [...running, 'SIGTERM', 'SIGTERM', 'SIGINT']);
    expect(life.stop).toBe('SIGTERM');
    expect(actions).toEqual(['start-child', 'begin-stop', 'forward SIGINT', 'sync-soon']);
  });

  test('also for what the child leaves behind, for a failure and for a hand-over', () => {
    const plan = mapped('TERM=INT');
    expect(live(plan, [...running, 'child-ended']).actions.at(-1)).toBe('clear-group SIGINT');
    expect(live(plan, [...running, 'failed']).actions).toContain('forward SIGINT');
    expect(live(plan, [...running, 'handover-asked', 'child-ended']).actions.at(-1)).toBe('clear-group quietly');
  });

  test('to a signal that is no stop passes a stop on once all the same', () => {
    const { actions } = live(mapped('TERM=USR1'), [...running, 'SIGTERM', 'SIGTERM']);
    expect(actions.filter((action) => action === 'forward SIGUSR1')).toHaveLength(1);
  });

  test('to a stop, of a signal that is none, stops only the child', () => {
    const { life, actions } = live(mapped('HUP=TERM'), [...running, 'SIGHUP', 'SIGHUP']);
    expect(actions.slice(1)).toEqual(['forward SIGTERM']);
    expect([life.phase, life.stop]).toEqual(['running', undefined]);
  });
});

describe('a child that fails', () => {
  test('is started again twice, with a longer pause, and then no more', () => {
    const again = [...crash, 'restart-due', 'child-started'];
    const { life, actions } = live(restarting, [...running, ...again, ...again, ...crash]);
    expect(actions.filter((action) => action.startsWith('wait-restart'))).toEqual([
      'wait-restart 1 after 1000',
      'wait-restart 2 after 2000',
    ]);
    expect(actions.filter((action) => action === 'end-stop')).toHaveLength(2);
    expect(life.phase).toBe('draining');
    expect(life.end).toEqual({ kind: 'exited', code: 1 });
  });

  test('after it ran for long waits no longer than the first time', () => {
    const { actions } = live(restarting, [
      ...running,
      ...crash,
      'restart-due',
      'child-started',
      'child-crashed-late',
      'group-gone',
    ]);
    expect(actions.at(-1)).toBe('wait-restart 2 after 1000');
  });

  test('is not started beside what not even SIGKILL has ended', () => {
    expect(live(restarting, [...running, 'child-crashed', 'group-survives']).life.phase).toBe('draining');
  });

  test.each([
    ['a stop signal', ['SIGTERM', ...crash]],
    ['a stop signal, too late for it', ['child-crashed', 'SIGTERM', 'group-gone']],
    ['a hand-over', ['handover-asked', ...crash]],
    ['a failure of replication', ['failed', ...crash]],
    ['success', ['child-ended', 'group-gone']],
  ])('is not started again after %s', (_, names) => {
    const { life, actions } = live(restarting, [...running, ...names]);
    expect(life.phase).toBe('draining');
    expect(actions.filter((action) => action === 'start-child')).toHaveLength(1);
  });

  test('at its start, for want of an executable, is not started again', () => {
    expect(live(restarting, ['prepared', 'child-failed']).life.phase).toBe('draining');
  });

  test('gets a stop signal of its own, although the child before it has had one', () => {
    const plan: LifePlan = { ...restarting, isProbed: true };
    const { actions } = live(plan, [
      ...running,
      'startup-timeout',
      ...crash,
      'restart-due',
      'child-started',
      'SIGTERM',
    ]);
    expect(actions.filter((action) => action === 'forward SIGTERM')).toHaveLength(2);
  });
});

test('a drain whose report comes a moment after its deadline is what the report says', () => {
  const late = [...running, 'SIGTERM', 'child-ended', 'group-gone', 'drain-deadline'] as const;
  expect(live(plain, late).life).toMatchObject({ phase: 'closing', drain: 'incomplete' });
  const { life, actions } = live(plain, [...late, 'drained']);
  expect(life).toMatchObject({ phase: 'closing', drain: 'complete' });
  expect(actions.filter((action) => action === 'close')).toHaveLength(1);
  expect(live(plain, [...late, 'close-deadline', 'drained']).life).toMatchObject({
    phase: 'done',
    drain: 'incomplete',
  });
});

describe('a child that is not ready in time', () => {
  test('is stopped and drained, and its end is a failed start whatever it says itself', () => {
    const { life, actions } = live(probed, [...running, 'startup-timeout', 'child-ended', 'group-gone']);
    expect(actions.slice(1, 4)).toEqual(['begin-stop', 'forward SIGTERM', 'sync-soon']);
    expect(life.phase).toBe('draining');
    expect(life.end).toEqual({ kind: 'not-started', error: notReady });
  });

  test('is started again where that is the policy', () => {
    const plan: LifePlan = { ...restarting, isProbed: true };
    const way = [...running, 'startup-timeout', 'child-ended', 'group-gone'];
    expect(live(plan, way).life.phase).toBe('restarting');
  });

  test('gives a stop signal that comes meanwhile its own time', () => {
    const { life, actions } = live(probed, [...running, 'startup-timeout', 'SIGTERM']);
    expect(actions.at(-1)).toBe('hurry');
    expect(life.stop).toBe('SIGTERM');
  });

  test('having been ready, it is only told of', () => {
    const { life } = live(probed, [...running, 'child-ready', 'startup-timeout', 'child-unready']);
    expect([life.phase, life.childReady, life.hasBeenReady]).toEqual(['running', false, true]);
  });
});

describe('a hand-over', () => {
  const way = [...running, 'handover-asked', 'child-ended', 'group-gone', 'drained', 'closed'];

  test('stops, drains, closes, and then waits for the platform to stop this instance', () => {
    const { life, actions } = live(plain, way);
    expect(actions.slice(1)).toEqual([
      'begin-stop',
      'forward SIGTERM',
      'sync-soon',
      'begin-stop',
      'sync-soon',
      'clear-group quietly',
      'begin-stop',
      'drain',
      'close',
    ]);
    expect(life.phase).toBe('handed-over');
    const { life: last } = live(plain, [...way, 'SIGTERM']);
    expect([last.phase, last.end]).toEqual(['done', { kind: 'exited', code: 0 }]);
  });

  test('with a stop signal on the way simply ends', () => {
    const { life, actions } = live(plain, [
      ...running,
      'handover-asked',
      'SIGTERM',
      'child-ended',
      'group-gone',
      'drained',
      'closed',
    ]);
    expect(life.phase).toBe('done');
    expect(actions.filter((action) => action === 'forward SIGTERM')).toHaveLength(1);
    expect(actions).toContain('hurry');
  });

  test('does not wait for a stop signal that has come while it was closed', () => {
    const closing = way.slice(0, -1);
    expect(live(plain, [...closing, 'SIGTERM', 'closed']).life.phase).toBe('done');
  });

  test('during the restore leaves a stop signal its own time', () => {
    const { life, actions } = live(plain, ['handover-asked', 'SIGTERM', 'SIGTERM', 'prepare-failed', 'closed']);
    expect(actions).toEqual(['begin-stop', 'abort-prepare', 'hurry', 'close']);
    expect([life.phase, life.end]).toEqual(['done', { kind: 'stopped-before-start', signal: 'SIGTERM' }]);
  });

  test('during the restore starts nothing', () => {
    const { life, actions } = live(plain, ['handover-asked', 'prepare-failed', 'closed']);
    expect(life.phase).toBe('handed-over');
    expect(actions).not.toContain('start-child');
  });

  test('asked for twice is one', () => {
    const { actions } = live(plain, [...running, 'handover-asked', 'handover-asked']);
    expect(actions.filter((action) => action === 'forward SIGTERM')).toHaveLength(1);
  });
});

describe('whatever happens in whatever order', () => {
  const anyEvent = fc.constantFrom(...Object.keys(events));
  const anyPlan: fc.Arbitrary<LifePlan> = fc.record({
    hasCommand: fc.boolean(),
    signalMap: fc.constantFrom('', 'TERM=INT', 'HUP=TERM,INT=TERM', 'TERM=USR1').map(parseSignalMap),
    restart: fc.constantFrom(
      { kind: 'never' } as const,
      { kind: 'on-failure', most: 1 } as const,
      { kind: 'on-failure', most: Number.POSITIVE_INFINITY } as const,
    ),
    isProbed: fc.boolean(),
  });
  const anyEvents = fc.array(anyEvent, { maxLength: 40 });
  const regularEnd = ['prepared', 'child-started', 'SIGTERM', 'child-ended', 'group-gone'];
  const toTheEnd = [...regularEnd, ...regularEnd, 'drained', 'prepare-failed', 'closed', 'SIGTERM'];

  test('what was prepared is drained once and closed once, and the end is reached', () => {
    fc.assert(
      fc.property(anyPlan, anyEvents, (plan, names) => {
        const { life, actions } = live(plan, [...names, ...toTheEnd]);
        expect(life.phase).toBe('done');
        expect(life.end).toBeDefined();
        expect(actions.filter((action) => action === 'close')).toHaveLength(1);
        const drains = actions.filter((action) => action === 'drain').length;
        expect(drains).toBeLessThanOrEqual(1);
        if (actions.includes('start-child')) expect(drains).toBe(1);
      }),
      { numRuns: 2000 },
    );
  });

  test('one stop signal is enough, whenever it comes', () => {
    const afterwards = [
      'prepared',
      'child-started',
      'child-ended',
      'group-gone',
      'drained',
      'prepare-failed',
      'closed',
    ];
    fc.assert(
      fc.property(anyPlan, anyEvents, (plan, names) => {
        expect(live(plan, [...names, 'SIGTERM', ...afterwards]).life.phase).toBe('done');
      }),
      { numRuns: 2000 },
    );
  });

  test('there are never two children, and none gets the same stop signal twice', () => {
    fc.assert(
      fc.property(anyPlan, anyEvents, (plan, names) => {
        const { actions } = live(plan, [...names, ...toTheEnd]);
        const lives = actions.join('\n').split('start-child').slice(1);
        for (const [index, life] of lives.entries()) {
          // Between two children the group of the first was seen gone.
          if (index < lives.length - 1) expect(life).toMatch(/clear-group [\s\S]*wait-restart /);
          for (const stop of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGUSR1']) {
            expect(life.split(`forward ${stop}\n`).length).toBeLessThanOrEqual(2);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('after a stop, a failure or a hand-over no child is started', () => {
    fc.assert(
      fc.property(
        anyPlan,
        anyEvents,
        anyEvents,
        fc.constantFrom('SIGTERM', 'failed', 'handover-asked'),
        (plan, a, b, why) => {
          const before = live(plan, [...a, why]);
          const after = live(plan, [...a, why, ...b]);
          expect(after.actions.slice(before.actions.length)).not.toContain('start-child');
        },
      ),
      { numRuns: 1000 },
    );
  });
});
