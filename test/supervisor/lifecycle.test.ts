import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StationError } from '../../src/errors.ts';
import { beginLife, type Life, type LifeEvent, type Phase, step } from '../../src/supervisor/lifecycle.ts';

const error = new StationError('FENCED', 'another writer');
const signal = (name: NodeJS.Signals): LifeEvent => ({ type: 'signal', signal: name });
const ended: LifeEvent = { type: 'child-ended', end: { kind: 'exited', code: 0 } };

const events: Readonly<Record<string, LifeEvent>> = {
  prepared: { type: 'prepared' },
  'prepare-failed': { type: 'prepare-failed', error },
  'child-started': { type: 'child-started' },
  'child-failed': { type: 'child-failed', error },
  'child-ended': ended,
  'group-gone': { type: 'group-gone' },
  drained: { type: 'drained', complete: true },
  closed: { type: 'closed' },
  SIGTERM: signal('SIGTERM'),
  SIGHUP: signal('SIGHUP'),
  failed: { type: 'failed', error },
  'application-deadline': { type: 'application-deadline' },
  'kill-deadline': { type: 'kill-deadline' },
  'drain-deadline': { type: 'drain-deadline' },
  'close-deadline': { type: 'close-deadline' },
};

/** A life after these events, and everything that was to be done on the way, in words. */
function live(hasCommand: boolean, names: readonly string[]): { life: Life; actions: readonly string[] } {
  let life = beginLife(hasCommand);
  const actions: string[] = [];
  for (const name of names) {
    const event = events[name];
    if (event === undefined) throw new Error(`no event ${name}`);
    const next = step(life, event);
    life = next.life;
    actions.push(...next.actions.map((action) => ('signal' in action ? `${action.do} ${action.signal}` : action.do)));
  }
  return { life, actions };
}

/** The way to each phase, with a command. */
const ways: Readonly<Record<Phase, readonly string[]>> = {
  restoring: [],
  starting: ['prepared'],
  running: ['prepared', 'child-started'],
  stopping: ['prepared', 'child-started', 'SIGTERM'],
  clearing: ['prepared', 'child-started', 'child-ended'],
  draining: ['prepared', 'child-started', 'child-ended', 'group-gone'],
  closing: ['prepared', 'child-started', 'child-ended', 'group-gone', 'drained'],
  done: ['prepared', 'child-started', 'child-ended', 'group-gone', 'drained', 'closed'],
};

/** Phase by event: the next phase and what is to be done. Every pair that is not here changes nothing. */
const table: Readonly<Record<Phase, Readonly<Record<string, readonly [Phase, ...string[]]>>>> = {
  restoring: {
    prepared: ['starting', 'start-child'],
    'prepare-failed': ['closing', 'close'],
    SIGTERM: ['restoring', 'begin-stop', 'abort-prepare'],
    SIGHUP: ['restoring', 'begin-stop', 'abort-prepare'],
    failed: ['restoring', 'begin-stop', 'abort-prepare'],
    'drain-deadline': ['closing', 'close'],
  },
  starting: {
    'child-started': ['running'],
    'child-failed': ['draining', 'begin-stop', 'drain'],
    SIGTERM: ['starting'],
    failed: ['starting'],
  },
  running: {
    'child-ended': ['clearing', 'begin-stop', 'sync-soon', 'clear-group'],
    SIGTERM: ['stopping', 'begin-stop', 'forward SIGTERM', 'sync-soon'],
    SIGHUP: ['running', 'forward SIGHUP'],
    failed: ['stopping', 'begin-stop', 'forward SIGTERM', 'sync-soon'],
  },
  stopping: {
    'child-ended': ['clearing', 'begin-stop', 'sync-soon', 'clear-group'],
    SIGHUP: ['stopping', 'forward SIGHUP'],
    failed: ['stopping'],
    'application-deadline': ['stopping', 'kill-group'],
    'kill-deadline': ['draining', 'begin-stop', 'drain'],
  },
  clearing: {
    'group-gone': ['draining', 'begin-stop', 'drain'],
    SIGTERM: ['clearing', 'hurry'],
    failed: ['clearing'],
  },
  draining: {
    SIGTERM: ['draining', 'hurry'],
    drained: ['closing', 'close'],
    failed: ['draining'],
    'drain-deadline': ['closing', 'close'],
  },
  closing: { closed: ['done'], failed: ['closing'], 'close-deadline': ['done'] },
  done: { failed: ['done'] },
};

describe.each(Object.keys(ways) as Phase[])('while %s', (phase) => {
  const before = live(true, ways[phase]);

  test('(the way there)', () => expect(before.life.phase).toBe(phase));

  test.each(Object.keys(events))('%s', (name) => {
    const after = live(true, [...ways[phase], name]);
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
    const { life, actions } = live(true, ['prepared', 'SIGTERM', 'SIGTERM', 'child-started']);
    expect(life.phase).toBe('stopping');
    expect(actions).toEqual(['start-child', 'begin-stop', 'forward SIGTERM', 'sync-soon']);
  });

  test('during the restore is not undone by a restore that succeeds all the same', () => {
    const { life, actions } = live(true, ['SIGTERM', 'prepared']);
    expect(actions).toEqual(['begin-stop', 'abort-prepare', 'begin-stop', 'drain']);
    expect(life.end).toEqual({ kind: 'stopped-before-start', signal: 'SIGTERM' });
  });

  test('sends no second SIGTERM to what is left of the group', () => {
    const clearing = (names: readonly string[]) => step(live(true, names).life, ended).actions.at(-1);
    expect(clearing(['prepared', 'child-started', 'SIGTERM'])).toEqual({ do: 'clear-group', terminate: false });
    expect(clearing(['prepared', 'child-started'])).toEqual({ do: 'clear-group', terminate: true });
  });

  test.each(['SIGTERM', 'SIGHUP', 'failed'])('without a child drains: %s', (name) => {
    const { life, actions } = live(false, ['prepared', name]);
    expect(life.phase).toBe('draining');
    expect(actions).toEqual(['begin-stop', 'drain']);
  });
});

test('whatever happens in whatever order, what was prepared is drained once and closed once, and the end is reached', () => {
  const anyEvent = fc.constantFrom(...Object.keys(events));
  const regularEnd = [
    'prepared',
    'child-started',
    'SIGTERM',
    'child-ended',
    'group-gone',
    'drained',
    'prepare-failed',
    'closed',
  ];
  fc.assert(
    fc.property(fc.boolean(), fc.array(anyEvent, { maxLength: 30 }), (hasCommand, names) => {
      const { life, actions } = live(hasCommand, [...names, ...regularEnd]);
      expect(life.phase).toBe('done');
      expect(life.end).toBeDefined();
      expect(actions.filter((action) => action === 'close')).toHaveLength(1);
      const drains = actions.filter((action) => action === 'drain').length;
      expect(drains).toBeLessThanOrEqual(1);
      if (actions.includes('start-child')) expect(drains).toBe(1);
      expect(actions.filter((action) => action === 'forward SIGTERM').length).toBeLessThanOrEqual(1);
    }),
  );
});
